"""scikit-learn's own tests of its networks, run against ours.

The file is the one of the installed version. Its module is executed a second time, under
another name and with our classes in place of scikit-learn's, and its tests are collected
here with their parametrisation. A few expect what ours deliberately do not do, or look at
private attributes; each is named below with the reason, and has to fail.
"""

import importlib.util
import math

import numpy as np
import pytest
import sklearn.neural_network
from sklearn.utils.fixes import parse_version

import skmlp

SUITE = "sklearn.neural_network.tests.test_mlp"

NO_ERROR = pytest.fail.Exception

#: What is left out: how it fails, and why.
LEFT_OUT = {
    "test_fit": (AssertionError, "It sets private attributes, in place of a first fit."),
    "test_gradient": (AttributeError, "It calls the private method _loss_grad_lbfgs."),
    "test_learning_rate_warmstart": (AttributeError, "It reads the private _optimizer."),
    "test_adaptive_learning_rate": (AttributeError, "It reads the private _optimizer."),
    "test_warm_start": (NO_ERROR, "A warm start takes data that lack some of the classes."),
    "test_early_stopping_stratified": (
        NO_ERROR,
        "With too few rows to hold out, early stopping watches the training loss, with a warning.",
    ),
    "test_minimum_input_sample_size": (
        NO_ERROR,
        "With too few rows to hold out, early stopping watches the training loss, with a warning.",
    ),
    "test_mlp_partial_fit_after_fit": (
        NO_ERROR,
        "partial_fit is allowed after and with early stopping.",
    ),
}

#: Version of scikit-learn whose tests have the name first, for those not in 1.6.
SINCE = {"test_minimum_input_sample_size": "1.7"}

INSTALLED = parse_version(parse_version(sklearn.__version__).base_version)


def load_suite():
    """Execute scikit-learn's test module with our classes under scikit-learn's names."""
    spec = importlib.util.find_spec(SUITE)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLPClassifier", "MLPRegressor"):
            patch.setattr(sklearn.neural_network, name, getattr(skmlp, name))
        spec.loader.exec_module(module)
    return module


def cases_of(test):
    """Return how many cases a test function is parametrised to."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    return math.prod(len(mark.args[1]) for mark in marks)


suite = load_suite()
theirs = {name: test for name, test in vars(suite).items() if name.startswith("test_")}
for name, (error, reason) in LEFT_OUT.items():
    if name in theirs:
        theirs[name] = pytest.mark.xfail(reason=reason, raises=error, strict=True)(theirs[name])
globals().update(theirs)


@pytest.fixture
def global_random_seed():
    """Stand in for the fixture of scikit-learn's own configuration: its default."""
    return 42


@pytest.fixture(autouse=True)
def fixed_global_stream():
    """Seed NumPy's global stream: some of scikit-learn's tests draw from it."""
    np.random.seed(0)


def test_the_suite_is_about_our_classes():
    assert suite.MLPClassifier is skmlp.MLPClassifier
    assert suite.MLPRegressor is skmlp.MLPRegressor


def test_scikit_learn_is_left_as_it_was():
    for name in ("MLPClassifier", "MLPRegressor"):
        assert getattr(sklearn.neural_network, name).__module__.startswith("sklearn.")


def test_what_is_left_out_is_there():
    expected = {name for name in LEFT_OUT if parse_version(SINCE.get(name, "1.6")) <= INSTALLED}
    assert expected == LEFT_OUT.keys() & theirs.keys()


def test_nearly_all_of_it_runs():
    total = sum(map(cases_of, theirs.values()))
    left_out = sum(cases_of(test) for name, test in theirs.items() if name in LEFT_OUT)
    at_least = 50 if parse_version("1.9") <= INSTALLED else 47
    assert total - left_out >= at_least
