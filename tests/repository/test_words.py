"""Words that a reader stumbles over do not come back: in documents, help texts and messages."""

import ast
import json
import re

import pytest
from conftest import ROOT
from test_docs import DOCUMENTS, SCRIPTS, parsers_of
from test_house import sources

HABITS = re.compile("|".join((
    r"\b(is|are) of --",  # works only with
    r"\banew\b",  # again, from scratch
    r"\bin there\b",  # name the folder
    r"\bby heart\b",  # memorise, overfit
    r"\bma(de|kes?) up\b",  # generate
    r"\bbecame of\b",  # the result
    r"(?<!\byou )\bwants?\b",  # needs
    r"\b(all )?but for\b",  # except
    r"\b(of before|of today|of theirs)\b",  # previous, current
    r"\b(by turns|at hand|for want of|come what may|mended)\b",
    r"\bgo(es|ing)? on\b",  # resume, continue
    r"\bplain search\b",  # default search
    r"\bbehind (an? |every |each |the |random )?steps?\b",  # after
    r"\bin the way of\b",  # would be overwritten
    r"\b(be|is|are) of no use\b",  # invalid
)))
# A paragraph that begins in the middle of a sentence, after a block of code.
BROKEN_OFF = re.compile(r"(?m)^(?:    .*|```)\n\n([a-z].*)")
CALLS = {"warn", "warn_once", "note", "print", "error", "exit", "problem"}


def prose(text):
    """A Markdown text without its code."""
    return re.sub(r"(?ms)^```.*?^```|^    .*?$|`[^`]*`", "", text)


def broken_off(text):
    return BROKEN_OFF.findall(re.sub(r"(?ms)^```.*?^```", "```", text))


def messages(path):
    """What a module prints, warns of and raises."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in CALLS or name.endswith(("Error", "Refused")):
                for text in (each for arg in node.args for each in ast.walk(arg)):
                    if isinstance(text, ast.Constant) and isinstance(text.value, str):
                        yield text.value


def help_texts(script):
    for parser in parsers_of(script):
        yield parser.description or ""
        for group in parser._action_groups:
            yield f"{group.title}: {group.description}"
            yield from (str(action.help) for action in group._group_actions)


NOTEBOOK = json.loads((ROOT / "docs/completion.ipynb").read_text())
PAGES = DOCUMENTS | {
    **{name: (ROOT / name).read_text() for name in ("CHANGELOG.md", ".github/SECURITY.md")},
    "docs/completion.ipynb": "".join(text for cell in NOTEBOOK["cells"] for text in cell["source"]
                                     if cell["cell_type"] == "markdown")}
TEXTS = {
    **{name: lambda text=text: [prose(text)] for name, text in PAGES.items()},
    **{f"{name} --help": lambda name=name: help_texts(name) for name in SCRIPTS},
    **{name: lambda name=name: messages(ROOT / name) for name in sources()
       if name.startswith(("dcgan/", "paint/")) or "/" not in name}}


def habits(name):
    found = [match[0] for text in TEXTS[name]() for match in HABITS.finditer(text)]
    return found + broken_off(PAGES.get(name, ""))


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_no_habits(name):
    assert habits(name) == []


def test_habits_are_found():
    text = "A block:\n\n    ./a.py x\n\nit ends. `made up`\n\n```\nwants\n```\n"
    assert broken_off(text) == ["it ends. `made up`"]
    assert not HABITS.search(prose(text)) and HABITS.search("This is of --align.")
