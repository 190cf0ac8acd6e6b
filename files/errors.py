"""What goes wrong, in words."""

import re


class UserError(Exception):
    """What a user can mend; its text is one line that says how. The scripts exit with code 2."""


def first_line(error):
    """What an exception of TensorFlow's says, without its account of where."""
    lines = str(error).splitlines() or [type(error).__name__]
    return re.sub(r"^{{.*?}} ", "", lines[0])
