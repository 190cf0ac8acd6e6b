"""The house's measures: nothing outgrows one sitting, and imports run one way."""

import ast
import re
import subprocess

import pytest
from conftest import ROOT

LONGEST = {"file": 450, "class": 300, "function": 60}
SHORTER = {"README.md": 200, "complete.py": 200, "train-dcgan.py": 200, "utils.py": 300}
# A room, and those that it may not enter: imports run from the scripts down.
CLOSED = {
    "inpainting": ("model", "training", "latent", "validation"),
    "training": ("model", "inpainting", "latent", "validation"),
    "ops": ("model", "utils"),
    "utils": ("model", "ops"),
    **{room: ("model", "training", "inpainting", "latent", "validation") for room in (
        "checkpoints", "faces", "kernels", "machine", "networks", "settings", "summaries", "cli")},
    **{room: ("model", "training", "inpainting", "latent", "validation", "utils", "ops")
       for room in ("files", "pictures")},
}


def sources():
    """The project's Python files, by `git ls-files`, or all where this is no clone."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True)
    names = listed.stdout.split() or [
        str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if ".venv" not in path.parts]
    return [name for name in names if (ROOT / name).exists()]


@pytest.mark.parametrize("name", sources())
def test_nothing_outgrows_one_sitting(name):
    text = (ROOT / name).read_text()
    sizes = {name: ("file", len(text.splitlines()))}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            kind = "class" if isinstance(node, ast.ClassDef) else "function"
            sizes[f"{name}:{node.lineno} {node.name}"] = kind, node.end_lineno - node.lineno + 1
    assert not {what: lines for what, (kind, lines) in sizes.items() if lines > LONGEST[kind]}


@pytest.mark.parametrize("name", SHORTER)
def test_what_is_read_first_is_short(name):
    assert len((ROOT / name).read_text().splitlines()) <= SHORTER[name]


def rooms_of(name):
    """The rooms that a file's imports name."""
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.split(".")[0]


def room(name):
    """The folder or the file at the top level that a file is, or lies in."""
    return re.split(r"[/.]", name)[0]


@pytest.mark.parametrize("name", [name for name in sources() if room(name) in CLOSED])
def test_imports_run_one_way(name):
    assert not set(rooms_of(name)) & set(CLOSED[room(name)])


def test_the_scripts_namespace_ends_there():
    for name in sources():
        if room(name) in (*CLOSED, "latent", "validation", "model"):
            text = (ROOT / name).read_text()
            assert not re.search(
                r"argparse\.Namespace|SimpleNamespace|(?<!tf\.)\bconfig\.\w", text), name
