"""Checks the three standard streams and the installed packages before a script does anything else;
prints one line with the remedy if a package is missing.

The scripts import this module first, before any package, and it imports no package.
"""

import importlib.util
import os
import re
import shlex
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
AT_ONCE = ("numpy", "PIL", "tqdm")  # imported before a script parses its flags


def open_closed():
    """Open closed standard streams on /dev/null. Cron and daemons may leave them closed; the next
    files that a script opens would then get their numbers, and its messages."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for descriptor, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:  # it was closed when Python started
            setattr(sys, name, open(descriptor, mode, errors="backslashreplace", closefd=False))


def missing(package):
    """The message for a missing package, with the command that installs it.

    Args:
        package: the package's name.
    """
    environment = os.path.join(ROOT, ".venv")
    activate = os.path.join(environment, "bin", "activate")
    elsewhere = "" if os.path.samefile(ROOT, os.curdir) else f"-C {_shown(ROOT)} "
    if not os.path.exists(activate):
        remedy = f"run `make {elsewhere}setup`, then `source {_shown(activate)}`"
    elif made := _made_elsewhere(environment, activate):
        remedy = (f"this clone was moved, and {_shown(environment)} was made in {made}; run `make "
                  f"{elsewhere}setup`, then `source {_shown(activate)}`")
    elif os.path.realpath(sys.prefix) != os.path.realpath(environment):
        remedy = f"run `source {_shown(activate)}`"
    else:
        remedy = f"run `pip install -r {_shown(os.path.join(ROOT, 'requirements.txt'))}`"
    return f"{sys.executable} has no package {package}; {remedy}"


def _made_elsewhere(environment, activate):
    """The folder that an environment was made in, which is read from `activate`; None if the
    environment is still there."""
    with open(activate) as file:
        folders = re.findall(r"^ *(?:export )?VIRTUAL_ENV=(.*)", file.read(), re.MULTILINE)
    made = "".join(shlex.split(folders[-1])) if folders else environment
    return made if os.path.realpath(made) != os.path.realpath(environment) else None


def _shown(path):
    """A path as a user types it: relative if it is inside the current folder."""
    relative = os.path.relpath(path)
    return shlex.quote(path if relative.startswith(os.pardir) else relative)


def require(packages=AT_ONCE):
    """If a package is missing, end the script with exit code 2 and one line."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            print(f"{os.path.basename(sys.argv[0])}: error: {missing(package)}", file=sys.stderr)
            sys.exit(2)


open_closed()
require()
