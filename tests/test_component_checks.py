"""scikit-learn's checks with each component switched on, alone and in pairs."""

import pytest
from trust import QUICK, assert_checks

from skmlp import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

#: What is switched on.
DETERMINISTIC = [
    {"batch_norm": True, "max_grad_value": 0.5},
    {"batch_norm": "after", "layer_norm": True, "max_grad_norm": 1.0},
    # Without much of a penalty L-BFGS saturates probabilities, which makes them equal; with
    # L1 more iterations make rounding errors large: the minimum has many faces.
    {"batch_norm": "input", "solver": "lbfgs", "alpha": 1.0},
    {"alpha": 0.01, "l1_ratio": 1.0, "solver": "lbfgs", "max_iter": 10},
    {"alpha": 0.01, "l1_ratio": 0.5, "average": 0.95, "learning_rate": "one_cycle"},
    {"weight_decay": 0.01, "weight_decay_schedule": "flat_cos", "learning_rate": "cosine"},
    {"max_norm": 2.0, "input_group_l1": 0.001, "activation": "prelu"},
    {"batch_norm": "input_only", "init": "he_normal", "activation": "gelu"},
    {"average": True, "solver": "adamw", "learning_rate_factors": [0.5, 2.0]},
    {"frozen_layers": {0: 2}, "batch_norm": True},
]
STOCHASTIC = [
    {"dropout": 0.1, "input_dropout": 0.1, "dropout_schedule": "flat_cos"},
    {"input_noise": 0.05, "dropout": 0.1, "batch_norm": True},
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


@pytest.mark.parametrize("parameters", DETERMINISTIC + STOCHASTIC, ids=str)
@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
def test_checks(Estimator, parameters):
    estimator = Estimator(**{**QUICK, **parameters})
    assert_checks(estimator, expected_to_fail(estimator))
