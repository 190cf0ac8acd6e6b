"""The error that ends a script with one line."""


class UserError(Exception):
    """What a user can mend; its text is one line that says how. The scripts exit with code 2."""
