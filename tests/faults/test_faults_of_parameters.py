"""Parameters that do not go together, or that misbehave, are refused by name.

Each single parameter with each kind of bad value is in test_bad_parameters.py.
"""

import numpy as np
import pytest
from catalogue import Call, assert_refused, both_states, fitted
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from trust import classes_of, estimator, problem

from skmlp import MLPClassifier
from skmlp.losses import LogCosh

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


class Misbehaving(StandardScaler):
    """A transformer that does what it should not."""

    def __init__(self, fit=lambda X: None, transform=lambda X: X):
        self._fit, self._transform = fit, transform

    def get_params(self, deep=True):
        return {"fit": self._fit, "transform": self._transform}

    def fit(self, X, y=None):
        self._fit(X)
        return self

    partial_fit = fit

    def transform(self, X):
        return self._transform(X)

    inverse_transform = transform


class FailingLoss(LogCosh):
    """A loss that raises an error."""

    def terms(self, *args):
        raise ZeroDivisionError("no loss today")


class UnknownLoss(LogCosh):
    """A loss that is not a number."""

    def terms(self, raw, y, grad, out, scratch):
        out.fill(np.nan)
        grad.fill(np.nan)


def fail(*args):
    """Raise an error."""
    raise RuntimeError("not today")


def write(X):
    """Write to the data."""
    X[0] = 7.0


def always(value):
    """Return a schedule."""
    return lambda progress: value


FIRST_ORDER = {
    "dropout": 0.5,
    "input_dropout": 0.1,
    "input_noise": 0.1,
    "input_group_l1": 0.1,
    "weight_decay": 0.1,
    "max_norm": 1.0,
    "max_grad_norm": 1.0,
    "max_grad_value": 1.0,
    "average": True,
    "learning_rate_factors": [1.0, 1.0],
    "frozen_layers": {0: 2},
    "checkpoint_path": "unused",
}
_RETURNED = "parameter must return a finite float.*At step 0 it returned"
_FACTORS = {"dropout_schedule": {"dropout": 0.5}, "weight_decay_schedule": {"weight_decay": 0.1}}

#: Parameters of both estimators, and what the message says.
TOGETHER = {
    **{
        f"lbfgs with {name}": ({"solver": "lbfgs", name: value}, f"'{name}' .*first-order solver")
        for name, value in FIRST_ORDER.items()
    },
    "two activations": ({"activation": ["relu", "tanh"]}, "'activation' .*2 item.* has 1"),
    "two rates of dropout": ({"dropout": [0.1, 0.2]}, "'dropout' .*2 item.* has 1"),
    "one factor": ({"learning_rate_factors": [1.0]}, "'learning_rate_factors' .*2 layers"),
    "frozen layer that is not there": ({"frozen_layers": [5]}, "'frozen_layers' .*index 5"),
    "layer frozen twice": ({"frozen_layers": [0, -2]}, "'frozen_layers' .*layer 0 twice"),
    "all layers frozen": ({"frozen_layers": [0, 1]}, "'frozen_layers' .*to learn"),
    "average of an average": (
        {"solver": "schedulefree", "average": True},
        "'average' .*schedulefree.*averages by itself",
    ),
    **{
        f"learning rate {value!r}": (
            {"learning_rate": always(value)},
            f"'learning_rate' {_RETURNED}",
        )
        for value in ("fast", np.nan, np.inf, -1.0, None, 1j, [0.1])
    },
    "learning rate of nothing": ({"learning_rate": lambda: 0.1}, "argument", TypeError),
    "learning rate that fails": ({"learning_rate": fail}, "not today", RuntimeError),
    **{
        f"{name} {value!r}": ({name: always(value), **needed}, f"'{name}' {_RETURNED}")
        for name, needed in _FACTORS.items()
        for value in ("much", np.nan, 7.0, -0.1)
    },
    "transformer that fails": ({"feature_scaling": Misbehaving(fail)}, "not today", RuntimeError),
    "transformer that writes": ({"feature_scaling": Misbehaving(write)}, "read-only"),
    "transformer that fails later": (
        {"feature_scaling": Misbehaving(transform=fail)},
        "not today",
        RuntimeError,
    ),
    "transformer that drops rows": (
        {"feature_scaling": Misbehaving(transform=lambda X: X[:3])},
        r"feature_scaling made 3 row\(s\) of 60",
    ),
    "transformer that drops columns": (
        {"feature_scaling": Misbehaving(transform=lambda X: X[:, :0])},
        "feature_scaling.*0 feature",
    ),
    "transformer that makes NaN": (
        {"feature_scaling": Misbehaving(transform=lambda X: X * np.nan)},
        "feature_scaling contains NaN",
    ),
    "transformer that makes text": (
        {"feature_scaling": Misbehaving(transform=lambda X: np.full(X.shape, "a"))},
        "feature_scaling.*string",
    ),
    "transformer that makes nothing": (
        {"feature_scaling": Misbehaving(transform=lambda X: None)},
        "feature_scaling.*2D array",
    ),
    "loss that fails": ({"loss": FailingLoss()}, "no loss today", ZeroDivisionError),
    "loss that is not a number": ({"loss": UnknownLoss()}, "non-finite"),
    "pretrained by a file that is not there": (
        {"pretrained": "/no/such/file"},
        "'pretrained' .*No such file.*/no/such/file",
    ),
    "pretrained by nothing": ({"pretrained": {}}, "'pretrained' .*damaged"),
    "pretrained by part of it": ({"pretrained": {"format": 1}}, "'pretrained' .*damaged"),
    "pretrained by the future": (
        {"pretrained": {"format": 99, "architecture": {}, "classes": None}},
        "'pretrained' .*format 99",
    ),
    "pretrained by another model": (
        {"pretrained": FrozenEstimator(LogisticRegression())},
        "'pretrained' .*LogisticRegression",
    ),
    "pretrained by an unfitted one": (
        {"pretrained": FrozenEstimator(MLPClassifier())},
        "'pretrained' .*not fitted yet",
    ),
}

#: Parameters of one of them.
OF_CLASSES = {
    "class weights of unknown classes": ({"class_weight": {"a": 1}}, r"class_weight .*\['a'\]"),
    "class weights of zero": ({"class_weight": {0: 0, 1: 0, 2: 0}}, "class_weight.*sum 0.0"),
    "class weights of NaN": ({"class_weight": {0: np.nan}}, "class_weight .*nan"),
    "negative class weights": ({"class_weight": {0: -1}}, r"class_weight .*-1"),
    "class weights of text": ({"class_weight": {0: "heavy"}}, "class_weight .*heavy"),
    "loss of a regressor": ({"loss": "poisson"}, "'loss' .*Got 'poisson'"),
}
OF_NUMBERS = {
    "loss of a classifier": ({"loss": "log_loss"}, "'loss' .*Got 'log_loss'"),
    "loss of counts": ({"loss": "poisson"}, r"y has the value -.*Poisson\(\)"),
    "loss of sizes": ({"loss": "gamma"}, r"y has the value -.*Gamma\(\)"),
    "range of counts": (
        {"loss": "poisson", "output_range": (0.0, 1.0)},
        r"output_range=\(0.0, 1.0\) .*Poisson|y has the value",
    ),
    "transformer of y that fails": (
        {"target_scaling": Misbehaving(fail)},
        "not today",
        RuntimeError,
    ),
    "transformer of y that drops rows": (
        {"target_scaling": Misbehaving(transform=lambda y: y[:3])},
        r"target_scaling made shape \(3, 1\) of \(60, 1\)",
    ),
    "transformer of y that makes NaN": (
        {"target_scaling": Misbehaving(transform=lambda y: y * np.nan)},
        "target_scaling makes y infinite or NaN",
    ),
}


#: Task, parameters, message and perhaps the class of the error.
TABLES = {"multiclass": {**TOGETHER, **OF_CLASSES}, "regression": {**TOGETHER, **OF_NUMBERS}}


@pytest.mark.parametrize("kind", [*TOGETHER, *OF_CLASSES, *OF_NUMBERS])
def test_parameters_are_refused(kind):
    for task in (task for task, table in TABLES.items() if kind in table):
        params, message, *error = TABLES[task][kind]
        assert_parameters_refused(task, Call(None, message, *error, params=params))


def assert_parameters_refused(task, fault):
    """Check that parameters are refused by both methods that train."""
    X, y = problem(task)
    for est in both_states(task, **fault.params):
        assert_refused(est, fault, est.fit, X, y)
    if fault.params.get("solver") == "lbfgs" or "checkpoint_path" in fault.params:
        return
    est = estimator(task, **fault.params)
    classes = {"classes": classes_of(y)} if task == "multiclass" else {}
    assert_refused(est, fault, est.partial_fit, X, y, **classes)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize(
    "changed",
    [
        {"hidden_layer_sizes": (8,)},
        {"hidden_layer_sizes": (7, 7)},
        {"activation": "tanh"},
        {"batch_norm": True},
        {"layer_norm": True},
        {"parametric_activation": True},
        {"feature_scaling": "standard"},
        {"dtype": "float32"},
    ],
    ids=str,
)
def test_parameters_of_another_network_are_refused_by_a_warm_start(task, changed):
    X, y = problem(task)
    est = fitted(task, warm_start=True, **changed)
    (name,) = changed
    fault = Call(None, f"{name}=.* does not match the fitted network.*fit a new estimator")
    for train in (est.fit, est.partial_fit):
        assert_refused(est, fault, train, X, y)
