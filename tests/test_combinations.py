"""Parameters that do not go together are refused by name, before anything changes."""

import pickle

import numpy as np
import pytest

from skmlp import MLPClassifier, MLPRegressor
from skmlp.estimators.training.solving import FIRST_ORDER_ONLY
from skmlp.optimizers import OPTIMIZERS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

#: For each parameter that L-BFGS cannot have, values that ask for something.
ASKED = {
    "dropout": [0.5, [0.5, 0.0], np.array([0.0, 0.1])],
    "input_dropout": [0.2],
    "input_noise": [0.1],
    "input_group_l1": [1.0],
    "weight_decay": [1e-3],
    "max_norm": [3.0],
    "max_grad_norm": [1.0],
    "max_grad_value": [1.0],
    "average": [True, 0.99],
    "learning_rate_factors": [[1.0, 1.0, 1.0]],
    "checkpoint_path": ["unwritten"],
}

#: Values that ask for nothing, which any solver takes.
NOTHING = {"dropout": [[0.0, 0.0], np.zeros(2), 0], "average": [np.False_], "weight_decay": [0]}

each_asked = pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in ASKED.items() for value in values]
)


def data():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(30, 4))
    return X, (X[:, 0] > 0).astype(int)


def test_every_parameter_of_first_order_solvers_is_tried():
    assert set(ASKED) == set(FIRST_ORDER_ONLY)


@each_asked
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_lbfgs_refuses_what_needs_a_first_order_solver(kind, name, value):
    X, y = data()
    message = rf"The '{name}' parameter needs a first-order solver .* solver='lbfgs'"
    model = kind((5, 5), solver="lbfgs", **{name: value})
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert not hasattr(model, "coefs_")
    fitted = kind((5, 5), solver="lbfgs", max_iter=3).fit(X, y).set_params(**{name: value})
    before = pickle.dumps(fitted)
    with pytest.raises(ValueError, match=message):
        fitted.fit(X, y)
    assert pickle.dumps(fitted) == before


@each_asked
@pytest.mark.parametrize("solver", ["sgd", "adam", OPTIMIZERS["adagrad"]()], ids=str)
def test_first_order_solvers_take_it(solver, name, value):
    MLPClassifier((5, 5), solver=solver, max_iter=2, **{name: value}).fit(*data())


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in NOTHING.items() for value in values]
)
def test_lbfgs_takes_values_that_ask_for_nothing(name, value):
    MLPClassifier((5, 5), solver="lbfgs", max_iter=3, **{name: value}).fit(*data())


@pytest.mark.parametrize("own", [False, True], ids=["by name", "instance"])
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(
    ("parameter", "value"), [("average", True), ("input_group_l1", 2.0), ("max_norm", 1.0)]
)
def test_optimizers_refuse_what_they_cannot_do(parameter, value, name, own):
    X, y = data()
    kind = OPTIMIZERS[name]
    able = not kind.averages if parameter == "average" else kind.proportional
    model = MLPClassifier((5,), solver=kind() if own else name, max_iter=2, batch_size=30)
    model.set_params(**{parameter: value})
    if able:
        model.fit(X, y)
        return
    with pytest.raises(ValueError, match=rf"The '{parameter}' parameter does not go with solver="):
        model.fit(X, y)
    assert not hasattr(model, "coefs_")
