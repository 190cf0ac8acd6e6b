"""Flags: argparse's own messages in the form of all others, and groups of `--help`."""

import pytest
from conftest import load_script

from dcgan.cli import flags
from dcgan.settings import names_of

complete = load_script("complete.py")


@pytest.mark.parametrize("words,message", [
    ("x --nIters 4", "--nIters: no such flag; did you mean --nIter?"),
    ("x --maskcolor=red", "--maskcolor: no such flag; did you mean --maskColor?"),
    ("x --qqqq", "--qqqq: no such flag; complete.py --help lists all"),
    ("x --preset fats", "--preset fats: must be article, fast or best; did you mean fast?"),
    ("x --blend 7", "--blend 7: must be paste or poisson"),
    ("x --deeperTo 12", "--deeperTo 12: must be 4, 8, 16, 32, 64 or 128"),
    ("x --deeperTo y", "--deeperTo y: must be 4, 8, 16, 32, 64 or 128"),
    ("x --lr", "--lr: needs one value"),
    ("x --checkpoint_dir", "--checkpointDir: needs one value"),
    ("x --checkpoint_dir gs://b/c", "--checkpointDir gs://b/c: must be a file or folder of this "
     "machine (mount a bucket first, with rclone mount for example)"),
    ("x --hmc 1", "--hmc: may mean --hmcBeta, --hmcEps, --hmcL or --hmcAnneal; write the flag in "
     "full"),
    ("x --crop --letterbox", "--crop and --letterbox: cannot be combined; drop one of them"),
    ("x --align --no-crop", "--align and --no-crop: cannot be combined; drop one of them"),
    ("x --align --region 0,0,9,9", "--align and --region: cannot be combined; drop one of them"),
    ("x --maskColor #ffffff --maskFromAlpha", "--maskColor and --maskFromAlpha: cannot be "
     "combined; drop one of them"),
    ("x --jit=3", "--jit 3: takes no value; write --jit or --no-jit"),
    ("x --no-jit=it's", "--jit it's: takes no value; write --jit or --no-jit"),
    ("x --version=3", "--version 3: takes no value; write --version"),
    ("x --deeperLr 1", "--deeperLr 1.0: works only with --deeper; add --deeper or drop --deeperLr"),
    ("x --approach hmc --schedule cosine", "--schedule cosine: works only with --approach momentum "
     "or --approach adam; add one of them or drop --schedule"),
    ("", "PICTURE: missing; complete.py --help shows the usage")])
def test_an_error_names_flag_value_problem_and_remedy(words, message, capsys):
    with pytest.raises(SystemExit) as exit:
        complete.parse_args(words.split())
    assert exit.value.code == 2
    assert capsys.readouterr().err == f"complete.py: error: {message}\n"


@pytest.mark.parametrize("words,flag,needed", [
    ("--beta1 0.5", "--beta1 0.5", "--approach adam"),
    ("--approach adam --hmcL 3", "--hmcL 3", "--approach hmc"),
    ("--preset best --momentum 0.8", "--momentum 0.8", "--approach momentum"),
    ("--approach hmc --lr 0.5", "--lr 0.5", "--approach momentum or --approach adam")])
def test_a_published_flag_without_effect_causes_a_warning(words, flag, needed, capsys):
    """The original accepted these flags with every approach."""
    settings = complete.parse_args(["x", *words.split()])
    assert capsys.readouterr().err == (
        f"warning: {flag}: has no effect, because it works only with {needed}\n")
    assert str(getattr(settings, flag.split()[0][2:])) == flag.split()[1]


@pytest.mark.parametrize("words", [
    "--approach adam --beta1 0.5 --lr 0.1", "--beta1 0.9", "--preset fast", "--momentum 0.8",
    "--preset fast --approach hmc --hmcL 3"])
def test_a_flag_that_has_an_effect_causes_no_warning(words, capsys):
    complete.parse_args(["x", *words.split()])
    assert capsys.readouterr().err == ""


def test_a_word_too_many(capsys):
    with pytest.raises(SystemExit):
        load_script("simple-distributions.py").parse_args(["out"])
    assert capsys.readouterr().err.endswith(
        "error: out: unexpected argument; simple-distributions.py --help shows the usage\n")


def test_a_mode_of_align_names_a_command_that_shows_its_usage(capsys):
    align = load_script("align.py")
    with pytest.raises(SystemExit):
        align.parse_args(["raw", "align", "outerEyesAndNose"])
    problem, _, remedy = capsys.readouterr().err.partition("; ")
    assert problem.endswith("error: outputDir: missing")
    script, *words = remedy.removesuffix(" shows the usage\n").split()
    with pytest.raises(SystemExit):
        align.parse_args(words)
    assert script == "align.py" and "--margin" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        align.parse_args(["--help"])
    assert f"\n  {script} {' '.join(words)}\n" in capsys.readouterr().out


def test_what_is_used_daily_comes_first_and_nothing_is_missing():
    _, _, first, *groups = complete.make_parser()._action_groups
    assert first.title == "used most" and groups[-1].title == "for experts"
    assert tuple(action.dest for action in first._group_actions) == complete.MOST_USED
    shown = [action.dest for group in (first, *groups) for action in group._group_actions]
    assert sorted(shown) == sorted(names_of(complete.completion_settings({}).__class__))


def test_training_and_alignment_begin_with_what_readme_uses(capsys):
    train, align = load_script("train-dcgan.py"), load_script("align.py")
    _, _, first, *groups = train.make_parser()._action_groups
    assert first.title == "used most"
    assert [action.dest for action in first._group_actions] == [*train.MOST_USED]
    assert {"dataset", "epoch", "flip", "ema", "init", "validation"} < {*train.MOST_USED}
    shown = [action.dest for group in (first, *groups) for action in group._group_actions]
    assert sorted({*shown}) == sorted(names_of(train.Flags)) and shown.count("cache") == 2
    with pytest.raises(SystemExit):
        align.parse_args(["raw", "align", "--help"])
    usage, _, groups = capsys.readouterr().out.partition("\nused most:\n")
    first, _, others = groups.partition("\nother options:\n")
    assert "the three landmarks" in first and "--size N" in first and "--margin X" in first
    assert "--jobs" in others and "--verbose" in others and "--dlibFacePredictor" in others


def test_help_has_no_default_of_a_switch_and_keeps_the_examples(capsys):
    with pytest.raises(SystemExit):
        complete.parse_args(["--help"])
    said = capsys.readouterr().out
    assert "default: False" not in said and "default: None" not in said
    assert "(default: True)" in said and "(default: 0.25)" in said
    assert said.startswith("usage: complete.py [options] PICTURE ...\n")
    assert "\n  complete.py docs/samples --preset best\n" in said


def test_a_list_in_a_sentence():
    assert [flags.one_of(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])] == [
        "a", "a or b", "a, b or c"]
