"""The results of complete.py: completed pictures, tables, logs, a report."""
