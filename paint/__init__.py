"""A page on this machine to complete photographs on: `make paint`."""
