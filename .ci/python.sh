#!/bin/sh
# Prints the Python that `make setup` uses: $1, or the first here that will do, the one that the
# figures were measured on first.
listed=${1:-python3.11 python3.12 python3.13 python3 ${PYENV_ROOT:-$HOME/.pyenv}/versions/3.1[123].*/bin/python}
for python in $listed; do
    "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2> /dev/null \
        || continue
    if "$python" -c 'import ensurepip, venv' 2> /dev/null; then
        echo "$python"
        exit
    fi
    echo "make setup: $python cannot make environments: apt install python3-venv, or the like" >&2
done
there=$("${1:-python3}" -c 'import platform; print(platform.python_version())' 2> /dev/null)
echo "make setup: needs Python 3.11, 3.12 or 3.13 (${1:-python3} is ${there:-not there});" \
     "install one, or name it: make setup PYTHON=/path/to/python3.12" >&2
exit 2
