"""What the scripts share before and around their work."""
