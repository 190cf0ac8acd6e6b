"""What complete.py writes: completed pictures, tables, logs, a report."""
