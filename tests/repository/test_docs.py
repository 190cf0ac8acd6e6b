"""What README and docs/ say: commands, flags, links, lines of code, and how to add a mask."""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap

import pytest
from conftest import ROOT, draw_faces, load_script, run_script, save_lively
from PIL import Image

pytestmark = pytest.mark.slow
check = load_script("docs/check.py")
DOCUMENTS = {os.path.relpath(path, ROOT): open(path).read() for path in check.documents()}
SCRIPTS = sorted(str(path.relative_to(ROOT)) for pattern in ("*.py", "demo/*.py", "benchmarks/*.py",
                                                             "docs/*.py", "paint/*.py")
                 for path in ROOT.glob(pattern) if "def parse_args" in path.read_text())
OTHERS = {"--logdir",  # tensorboard's, pip's and docker's
          "--dry-run", "--platform", "--rm", "--user", "--build-arg", "--gpus"}


def parsers_of(script):
    """The parsers that a script makes for its flags."""
    from dcgan.cli import flags

    parsers = []

    class Recorded(flags.Parser):
        def __init__(self, **settings):
            super().__init__(**settings)
            parsers.append(self)

    original, flags.Parser = flags.Parser, Recorded
    try:
        with pytest.raises(SystemExit):
            load_script(script).parse_args(["--help"])
    finally:
        flags.Parser = original
    return parsers


def flags_of(script):
    """`{flag: default}` of a script, of every spelling."""
    return {flag: action.default for parser in parsers_of(script) for action in parser._actions
            for flag in action.option_strings}


@pytest.fixture(scope="module")
def flags():
    return {script: flags_of(script) for script in SCRIPTS}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_flag_is_one(name, flags, capsys):
    known = OTHERS.union(*flags.values()) | {
        flag for script in ("benchmarks/kills.py", "benchmarks/patience.py",
                            "benchmarks/quality.py", "docs/check.py",
                            "pretrained/training_set.py")
        for flag in re.findall(r'"(--[\w-]+)"', (ROOT / script).read_text())}
    text = re.sub(r"(?s)```diff.*?```|#SBATCH[^\n]*", "", DOCUMENTS[name])
    used = set(re.findall(r"(?<![\w-])--[a-zA-Z][\w-]*", text))
    assert used <= known, used - known


def commands_of_ours():
    for name, text in DOCUMENTS.items():
        for command, extra, elsewhere in check.plan(text):
            words = shlex.split(command)
            script = next((word for word in words[:2] if word.endswith(".py")), None)
            if script and elsewhere != "of other programs":
                yield name, os.path.normpath(script), words[words.index(script) + 1:], extra


@pytest.mark.parametrize("name,script,words,extra", [
    pytest.param(*each, id=f"{each[0]}: {each[1]} {' '.join(each[2])[:60]}")
    for each in commands_of_ours()])
def test_every_command_is_understood(name, script, words, extra, capsys):
    """Its flags, with those that docs/check.py puts behind them; `make docs-check` runs it."""
    assert (ROOT / script).exists()
    if script not in SCRIPTS or "--help" in words:
        return
    load_script(script).parse_args([*words, *shlex.split(extra)])


def test_every_make_target_is_there():
    targets = set(re.findall(r"(?m)^([\w-]+):", (ROOT / "Makefile").read_text()))
    for text in DOCUMENTS.values():
        for command in check.commands(text):
            if command.startswith("make "):
                assert command.split()[1] in targets, command


def test_what_runs_elsewhere_is_there():
    for _, who in check.ELSEWHERE:
        for name in re.findall(r"tests/[\w/]+\.py", who):
            assert (ROOT / name).exists()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name):
    folder = (ROOT / name).parent
    for target in re.findall(r"\]\(([^)#]+)", DOCUMENTS[name]):
        assert target.startswith("https://") or (folder / target).exists(), target


def anchors_of(path):
    """What `#` may lead to in a Markdown file: its headings, as GitHub names them."""
    headings = re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```", "", path.read_text()))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_anchor_is_a_heading(name):
    path = ROOT / name
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", DOCUMENTS[name]):
        assert anchor in anchors_of(path.parent / target if target else path), (target, anchor)


def test_readme_leads_to_every_page():
    linked = re.findall(r"\]\(([^)#]+)", DOCUMENTS["README.md"])
    assert {name for name in DOCUMENTS if name.startswith("docs/")} <= set(linked)


def source_of(path, qualified):
    """The source of a function, such as `DCGAN.train_step`."""
    text, node = (ROOT / path).read_text(), None
    for part in qualified.split("."):
        body = (node or ast.parse(text)).body
        node = next(each for each in body if getattr(each, "name", None) == part)
    return ast.get_source_segment(text, node)


def test_the_articles_lines_are_where_it_says():
    rows = re.findall(r"\| `(.+?)` \| \[[\w/.-]+\]\(\.\./([\w/.-]+)\) `([\w.]+)` \|",
                      DOCUMENTS["docs/article.md"])
    table_rows = [line for line in DOCUMENTS["docs/article.md"].splitlines() if ".py)" in line
                  and line.startswith("|")]
    assert len(rows) == len(table_rows) > 30
    for line, path, name in rows:
        assert line in source_of(path, name), (line, name)


def test_the_originals_flags_have_the_defaults_that_migrating_says(flags):
    sections = DOCUMENTS["docs/migrating.md"].split("\n## ")
    seen = 0
    for section in sections:
        match = re.match(r"Flags of ([\w-]+\.py)", section)
        for flag, default in re.findall(r"(?m)^\| `(--\w+)` \| .*? \| (.*?) \|", section):
            value = flags[match[1]][flag]
            if default.startswith(("0.0001 for", "the checkpoint's", "all")):
                assert value is None
            else:
                assert str(value) == default or (flag == "--image_size" and value is None)
            seen += 1
    assert seen == 27


# CONTRIBUTING.md


def test_the_table_of_files_is_short_and_right():
    table = DOCUMENTS["CONTRIBUTING.md"].split("| question | files |\n| --- | --- |\n")[1]
    rows = table.split("\n\n")[0].splitlines()
    assert len(rows) <= 18
    paths = [path for row in rows for path in re.findall(r"`([\w/-]+(?:/|\.py))`", row)]
    assert len(paths) > len(rows)
    for path in paths:
        assert (ROOT / path).exists(), path


def test_a_mask_and_a_loss_are_one_function_each(tmp_path):
    """The changes that CONTRIBUTING.md shows, tried on a copy of the project."""
    diffs = re.findall(r"(?s)```diff\n(.*?)```", DOCUMENTS["CONTRIBUTING.md"])
    assert len(diffs) == 2
    for diff in diffs:  # one file, one place, nothing taken away
        assert diff.count("\n+++ ") == 1 and diff.count("\n@@ ") == 1
        assert not re.findall(r"(?m)^-(?!--)", diff)
    copy = tmp_path / "copy"
    copy.mkdir()
    for source in (*ROOT.glob("*.py"), ROOT / "pyproject.toml"):
        shutil.copy(source, copy)
    for folder in (ROOT / "tests", *(file.parent for file in ROOT.glob("*/__init__.py"))):
        shutil.copytree(folder, copy / folder.name)
    for diff in diffs:
        subprocess.run(["git", "apply"], input=diff, cwd=copy, text=True, check=True,
                       env=os.environ | {"GIT_CEILING_DIRECTORIES": str(tmp_path)})
    faces, network = draw_faces(tmp_path / "faces", 1), save_lively(tmp_path)
    result = run_script(copy / "complete.py", faces, "--checkpointDir", network / "checkpoint",
                        "--maskType", "border", "--prior", "leastsquares", "--nIter", 2,
                        cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    with Image.open(tmp_path / "completions" / "masked.png") as masked:
        assert masked.getpixel((0, 8)) == masked.getpixel((15, 8)) != masked.getpixel((8, 8))
    words = " ".join(run_script(copy / "complete.py", "--help", cwd=tmp_path).stdout.split())
    assert "border: the outer eighth missing, on every side" in words
    assert "leastsquares: (D(G(z)) - 1)^2" in words
    tests = subprocess.run([sys.executable, "-m", "pytest", "-q", "-k", "border",
                            "tests/inpainting/test_masks.py"], cwd=copy, text=True,
                           capture_output=True)
    assert tests.returncode == 0 and "1 passed" in tests.stdout, tests.stdout


def test_commands_are_found_in_every_form():
    text = textwrap.dedent("""\
        `./a.py` alone is a file; `./a.py x` is a command, `./a.py FILE` an example, `--flag` a
        flag, `./b.py
        --over lines` too.

            ./c.py x \\
                --more   # a remark
        ```
        ./d.py an output
        ```
        """)
    assert list(check.commands(text)) == ["./a.py x", "./b.py --over lines", "./c.py x --more"]
