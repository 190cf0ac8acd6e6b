"""The work of align.py: finding faces, putting their landmarks in place, many pictures at once."""
