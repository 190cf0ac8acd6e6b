"""The scripts' common start and end: packages, flags, exit codes."""
