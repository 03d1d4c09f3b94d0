"""scikit-learn's own checks of what calls itself an estimator."""

from unittest import SkipTest

import numpy as np
import pytest
import sklearn
from sklearn.datasets import make_blobs
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks
from sklearn.utils.fixes import parse_version
from trust import QUICK, assert_checks

from skmlp import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

INSTALLED = parse_version(parse_version(sklearn.__version__).base_version)

REQUIRED = [
    MLPClassifier(),
    MLPClassifier(solver="sgd"),
    MLPRegressor(),
    MLPRegressor(solver="sgd"),
    MLPRegressor(solver="lbfgs"),
    MLPClassifier(early_stopping=True),
    MLPRegressor(early_stopping=True),
]
FURTHER = [
    MLPClassifier(solver="lbfgs"),
    MLPClassifier(**QUICK, loss="squared_hinge"),
    MLPRegressor(**QUICK, loss="quantile"),
    MLPRegressor(**QUICK, loss="gaussian"),
    MLPRegressor(**QUICK, loss="poisson", solver="lbfgs"),
    MLPRegressor(**QUICK, loss="gamma", solver="lbfgs"),
]

SATURATED = "Probabilities next to one round to the same float where the raw scores still differ."

#: The check that scikit-learn skips where there are no probabilities, and what it says.
ABOUT_PROBABILITIES = {
    "check_classifiers_multilabel_output_format_predict_proba": (
        "MLPClassifier does not have a predict_proba method."
    )
}


def expected_to_fail(estimator):
    """Return the checks that an estimator of FURTHER cannot pass, each with the reason."""
    saturates = isinstance(estimator, MLPClassifier) and estimator.solver == "lbfgs"
    return {"check_classifier_multioutput": SATURATED} if saturates else {}


def not_applicable(estimator):
    """Return the checks that skip an estimator of FURTHER, each with their words."""
    return {} if estimator.loss != "squared_hinge" else ABOUT_PROBABILITIES


@parametrize_with_checks(REQUIRED)
def test_check(estimator, check):
    try:
        check(estimator)
    except SkipTest as skipped:
        pytest.fail(f"The check was skipped: {skipped}")


@pytest.mark.parametrize("estimator", FURTHER, ids=repr)
def test_checks(estimator):
    assert_checks(estimator, expected_to_fail(estimator), not_applicable(estimator))


# An expected failure that passes is a failure: pytest is configured so in pyproject.toml.
def test_unexpected_passes_are_failures(pytestconfig):
    assert pytestconfig.getini("xfail_strict")


def test_adam_is_among_the_defaults():
    assert {estimator.solver for estimator in REQUIRED} == {"adam", "sgd", "lbfgs"}


@pytest.mark.parametrize("estimator", REQUIRED + FURTHER, ids=repr)
def test_number_of_checks(estimator):
    at_least = 67 if isinstance(estimator, MLPClassifier) else 60
    at_least = at_least if parse_version("1.9") <= INSTALLED else 60
    assert len(list(estimator_checks_generator(estimator))) >= at_least


# -- what check_estimator does not run --


VARIANTS = [
    {},
    {"solver": "sgd"},
    {"solver": "lbfgs"},
    {"early_stopping": True},
]
both = pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
variants = pytest.mark.parametrize("params", VARIANTS, ids=str)


@variants
@both
@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_dataframe_column_names_consistency,
        estimator_checks.check_inplace_ensure_writeable,
    ],
)
def test_further_check(check, Estimator, params):
    check(Estimator.__name__, Estimator(**params))


@variants
@both
@pytest.mark.parametrize("container", ["NotAnArray", "PandasDataframe"])
def test_data_that_are_not_arrays(container, Estimator, params):
    X = np.array([[3, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 1]] * 3)
    y = np.array([1, 1, 1, 2, 2, 2] * 3)
    check = estimator_checks.check_estimators_data_not_an_array
    check(Estimator.__name__, Estimator(**params), X, y, container)


@variants
@pytest.mark.parametrize("labels", [np.arange(3), np.array(["b", "a", "c"], dtype=object)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_predicted_classes(n_classes, labels, params):
    X, y = make_blobs(centers=n_classes, random_state=0)
    check = estimator_checks.check_classifiers_predictions
    check(X, labels[y], "MLPClassifier", MLPClassifier(**params))


@variants
def test_several_targets(params):
    estimator_checks.check_regressor_multioutput("MLPRegressor", MLPRegressor(**params))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": "sgd"},
        {"early_stopping": True},
        pytest.param(
            {"solver": "lbfgs"}, marks=pytest.mark.xfail(reason=SATURATED, raises=AssertionError)
        ),
    ],
    ids=str,
)
def test_several_labels(params):
    estimator_checks.check_classifier_multioutput("MLPClassifier", MLPClassifier(**params))
