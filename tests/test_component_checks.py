"""scikit-learn's checks with each component switched on, alone and in pairs."""

from unittest import SkipTest

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlp import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

#: What is switched on. Rows of a check are few: short trainings are enough for most.
DETERMINISTIC = [
    {"batch_norm": True},
    {"batch_norm": "after", "layer_norm": True, "max_grad_norm": 1.0},
    {"batch_norm": "input", "solver": "lbfgs"},
    {"alpha": 0.01, "l1_ratio": 0.5},
    # More iterations make rounding errors large: the minimum has many faces.
    {"alpha": 0.01, "l1_ratio": 1.0, "solver": "lbfgs", "max_iter": 10},
    {"weight_decay": 0.01, "weight_decay_schedule": "flat_cos", "learning_rate": "cosine"},
    {"max_norm": 2.0, "input_group_l1": 0.001, "activation": "prelu"},
    {"batch_norm": "input_only", "init": "he_normal", "activation": "gelu"},
    {"max_grad_value": 0.5, "average": True, "solver": "adamw"},
    {"average": 0.95, "learning_rate": "one_cycle"},
    {"learning_rate_factors": [0.5, 2.0]},
]
STOCHASTIC = [
    {"dropout": 0.1, "input_dropout": 0.1, "dropout_schedule": "flat_cos"},
    {"input_noise": 0.05},
    {"dropout": 0.1, "batch_norm": True},
    {"activation": "selu", "dropout": 0.1},
]

BY_ROW = "Noise is drawn row by row: two equal rows draw twice, a row of weight two once."
WEIGHT_CHECKS = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)


def expected_to_fail(estimator):
    """Return the checks that noise makes impossible, each with the reason."""
    noisy = estimator.dropout or estimator.input_dropout or estimator.input_noise
    return dict.fromkeys(WEIGHT_CHECKS, BY_ROW) if noisy else {}


@parametrize_with_checks(
    [
        Estimator(**parameters)
        for parameters in DETERMINISTIC + STOCHASTIC
        for Estimator in (MLPClassifier, MLPRegressor)
    ],
    expected_failed_checks=expected_to_fail,
)
def test_check(estimator, check):
    try:
        check(estimator)
    except SkipTest as skipped:
        pytest.fail(f"The check was skipped: {skipped}")
