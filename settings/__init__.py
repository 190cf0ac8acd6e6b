"""What a setting is: its default, its limits, and the sentence that explains it."""
