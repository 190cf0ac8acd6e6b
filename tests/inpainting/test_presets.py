"""How each setting of a completion gets its value."""

import numpy as np
import pytest

from dcgan.inpainting.presets import DEFAULT_LR, NO_STOP, PRESETS, completion_settings


def test_of_several_values_the_given_one_counts():
    """Then the preset's, then that of an earlier search, then the default."""
    earlier = {"nIter": 5, "lam": 3.0, "fraction": 0.5, "no setting of today": 1}
    settings = completion_settings({"preset": "article", "nIter": 7}, earlier)
    assert settings.nIter == 7
    assert settings.lam == PRESETS["article"]["lam"] == 0.1
    assert settings.fraction == 0.5
    assert settings.seed == 0


def test_none_counts_as_left_out():
    """In a layer of settings it takes nothing away from those beneath."""
    nothing = dict.fromkeys(("approach", "lr", "tol", "nIter"))
    assert completion_settings({"preset": "fast"} | nothing) == completion_settings(
        {"preset": "fast"})


@pytest.mark.parametrize("approach", DEFAULT_LR)
def test_an_earlier_search_without_a_step_size(approach):
    assert completion_settings({}, {"approach": approach}).lr == DEFAULT_LR[approach]


def test_the_step_size_of_an_earlier_search_is_of_its_approach():
    earlier = {"approach": "adam", "lr": 0.3}
    assert completion_settings({}, earlier).lr == 0.3
    assert completion_settings({"approach": "momentum"}, earlier).lr == DEFAULT_LR["momentum"]


def test_a_weight_of_the_linear_model_does_not_grow_as_the_presets_does():
    assert completion_settings({"preset": "best"}).gaussianGrowth == 1.2
    assert completion_settings({"preset": "best", "gaussian": 0.5}).gaussianGrowth == 0
    assert completion_settings({"preset": "best", "gaussianGrowth": 0.5}).gaussian == 0.4


@pytest.mark.parametrize("given,words", [
    ({"preset": "quick"}, "preset must be one of article, fast, best. Received: 'quick'"),
    ({"approach": np.array(["adam", "hmc"])}, "approach must be one of .*Received: "),
    ({"lam": np.ones(2)}, r"lam must be a number. Received: \[1.0, 1.0\]"),
    ({"nIter": -1}, "nIter .*Received: -1"), ({"blend": "smear"}, "blend .*Received: 'smear'")])
def test_what_is_of_no_use_is_refused(given, words):
    with pytest.raises(ValueError, match=words):
        completion_settings(given)


def test_when_to_stop_is_of_the_earlier_search_alone():
    """Another approach or schedule has its own; the same goes on with what was said."""
    earlier = {"approach": "momentum", "schedule": "constant", "lr": 0.0001, "tol": 0.01,
               "patience": 100}
    same = completion_settings({}, earlier)
    assert (same.tol, same.patience) == (0.01, 100)
    for given in ({"approach": "adam"}, {"schedule": "cosine"}, {"preset": "best"}):
        other = completion_settings(given, earlier)
        assert (other.tol, other.patience) == NO_STOP, given
    kept = completion_settings({"approach": "adam", "tol": 0.02}, earlier)
    assert kept.tol == 0.02
