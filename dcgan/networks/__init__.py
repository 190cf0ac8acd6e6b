"""What the networks are made of: their sizes, their convolutions, their weights."""
