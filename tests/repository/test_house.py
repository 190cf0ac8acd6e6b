"""The house's measures: imports go down one list, and what outgrows one sitting is named."""

import ast
import graphlib
import re
import subprocess
import warnings

import pytest
from conftest import ROOT

# HOUSE_STYLE's measures, which ask whether a file, a class or a function answers two questions.
LONGEST = {"file": 450, "class": 300, "function": 60}
SHORTER = {"README.md": 200, "complete.py": 200, "train-dcgan.py": 200}
# Rooms, the lowest first: each imports of those above it in this list, and of none beside it.
RANKS = (
    ("dcgan",),  # its __init__.py alone
    ("dcgan.messages", "dcgan.settings", "dcgan.metrics"),
    ("dcgan.machine", "dcgan.files", "ops"),
    ("dcgan.cli", "dcgan.pictures", "dcgan.networks", "dcgan.tensorboard"),
    ("dcgan.faces", "dcgan.checkpoints"),
    ("dcgan.inpainting", "dcgan.training"),  # never each other
    ("dcgan.results", "dcgan.visualize"),
    ("model", "utils"),  # never each other: a user's own utils.py may stand in front of ours
    ("align", "complete", "simple-distributions", "train-dcgan"),
    ("paint",), ("benchmarks", "demo", "docs", "pretrained"), ("tests",))
RANK = {room: rank for rank, rooms in enumerate(RANKS) for room in rooms}


def sources():
    """The project's Python files, by `git ls-files`, or all where this is no clone."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True)
    names = listed.stdout.split() or [
        str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if ".venv" not in path.parts]
    return [name for name in names if (ROOT / name).exists()]


def test_what_outgrows_one_sitting_is_named():
    for name in sources():
        text = (ROOT / name).read_text()
        sizes = {name: ("file", len(text.splitlines()))}
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                kind = "class" if isinstance(node, ast.ClassDef) else "function"
                sizes[f"{name}:{node.lineno} {node.name}"] = kind, node.end_lineno - node.lineno + 1
        for what, (kind, lines) in sizes.items():
            if lines > LONGEST[kind]:
                warnings.warn(f"{what}: {lines} lines; one sitting is {LONGEST[kind]}",
                              stacklevel=1)


@pytest.mark.parametrize("name", SHORTER)
def test_what_is_read_first_is_short(name):
    assert len((ROOT / name).read_text().splitlines()) <= SHORTER[name]


MODULES = {re.sub(r"(/__init__)?\.py$", "", name).replace("/", "."): name for name in sources()}


def room(module):
    """The room of `RANKS` that a module is, or lies in."""
    whole = module
    while module not in RANK:
        module = module.rpartition(".")[0]
    assert module != "dcgan" or whole == "dcgan", f"{whole} is in no room of RANKS"
    return module


def imports_of(module):
    """The project's modules that a module imports, anywhere in its file."""
    folder = module.rpartition(".")[0]
    for node in ast.walk(ast.parse((ROOT / MODULES[module]).read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [name if (name := f"{node.module}.{alias.name}") in MODULES else node.module
                     for alias in node.names]
        for name in names:  # a script finds what lies beside it, too
            yield from [each for each in (name, f"{folder}.{name}") if each in MODULES][:1]


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module):
    for imported in imports_of(module):
        if room(imported) != room(module):
            assert RANK[room(imported)] < RANK[room(module)], imported


def test_imports_run_in_no_circle():
    program = [module for module in MODULES if RANK[room(module)] <= RANK["paint"]]
    graphlib.TopologicalSorter({module: imports_of(module) for module in program}).prepare()


def test_the_package_is_all_that_a_clone_exposes():
    """Beside the fixed files: with the clone in PYTHONPATH, its names are everybody's."""
    assert [path.parent.name for path in ROOT.glob("*/__init__.py")] == ["dcgan"]
    assert {path.stem for path in ROOT.glob("*.py")} == {
        "model", "ops", "utils", "align", "complete", "simple-distributions", "train-dcgan"}


def test_the_scripts_namespace_ends_there():
    for module, name in MODULES.items():
        if RANK[room(module)] <= RANK["model"]:
            text = (ROOT / name).read_text()
            assert not re.search(
                r"argparse\.Namespace|SimpleNamespace|(?<!tf\.)\bconfig\.\w", text), name
