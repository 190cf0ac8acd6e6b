"""Finding pictures, naming and writing files, and protecting the user's files."""
