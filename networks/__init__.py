"""What the networks are made of: their sizes, and their weights as inference wants them."""
