"""What to do where Python's packages are missing, in one line.

The scripts import this first, before any package, and it imports none.
"""

import importlib.util
import os
import shlex
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
AT_ONCE = ("numpy", "PIL", "tqdm")  # imported before a script parses its flags


def missing(package):
    """What is the matter, and the command that mends it.

    Args:
        package: its name.
    """
    environment = os.path.join(ROOT, ".venv")
    activate = os.path.join(environment, "bin", "activate")
    requirements = os.path.join(ROOT, "requirements.txt")
    if not os.path.exists(activate):
        remedy = f"`make setup` in {ROOT}, then `source {shlex.quote(activate)}`"
    elif os.path.realpath(sys.prefix) != os.path.realpath(environment):
        remedy = f"`source {shlex.quote(activate)}`"
    else:
        remedy = f"`pip install -r {shlex.quote(requirements)}`"
    return f"{sys.executable} has no package {package}: {remedy}"


def require(packages=AT_ONCE):
    """End the script with exit code 2 and one line, unless the packages are there."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            print(f"{os.path.basename(sys.argv[0])}: error: {missing(package)}", file=sys.stderr)
            sys.exit(2)


require()
