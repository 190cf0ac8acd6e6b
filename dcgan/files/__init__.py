"""Which files are whose, what is a picture, and where to look for some; whole files."""
