"""What a script needs before all else: three open streams, and its packages, or one line that says
how to get them.

The scripts import this first, before any package, and it imports none.
"""

import importlib.util
import os
import re
import shlex
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
AT_ONCE = ("numpy", "PIL", "tqdm")  # imported before a script parses its flags


def open_closed():
    """Open those of the three standard streams on nothing that are closed, as cron and daemons may
    leave them: the next files that a script opens would else be taken for them."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for descriptor, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:  # so Python found it
            setattr(sys, name, open(descriptor, mode, errors="backslashreplace", closefd=False))


def missing(package):
    """What is the matter, and the command that mends it.

    Args:
        package: its name.
    """
    environment = os.path.join(ROOT, ".venv")
    activate = os.path.join(environment, "bin", "activate")
    elsewhere = "" if os.path.samefile(ROOT, os.curdir) else f"-C {_shown(ROOT)} "
    if not os.path.exists(activate):
        remedy = f"`make {elsewhere}setup`, then `source {_shown(activate)}`"
    elif made := _made_elsewhere(environment, activate):
        remedy = (f"this clone was moved, and {_shown(environment)} was made in {made}: `make "
                  f"{elsewhere}setup`, then `source {_shown(activate)}`")
    elif os.path.realpath(sys.prefix) != os.path.realpath(environment):
        remedy = f"`source {_shown(activate)}`"
    else:
        remedy = f"`pip install -r {_shown(os.path.join(ROOT, 'requirements.txt'))}`"
    return f"{sys.executable} has no package {package}: {remedy}"


def _made_elsewhere(environment, activate):
    """The folder that an environment was made in, if it is another, as `activate` has it."""
    with open(activate) as file:
        folders = re.findall(r"^ *(?:export )?VIRTUAL_ENV=(.*)", file.read(), re.MULTILINE)
    made = "".join(shlex.split(folders[-1])) if folders else environment
    return made if os.path.realpath(made) != os.path.realpath(environment) else None


def _shown(path):
    """A path as one types it: from the present folder, where it is below that."""
    relative = os.path.relpath(path)
    return shlex.quote(path if relative.startswith(os.pardir) else relative)


def require(packages=AT_ONCE):
    """End the script with exit code 2 and one line, unless the packages are there."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            print(f"{os.path.basename(sys.argv[0])}: error: {missing(package)}", file=sys.stderr)
            sys.exit(2)


open_closed()
require()
