"""Training and prediction leave alone what the caller passes in, and take read-only arrays."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
from trust import TASKS, estimator, outputs, problem, same

from skmlp.activations import LeakyRelu
from skmlp.losses import Huber
from skmlp.optimizers import Adam

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

SOLVERS = ("sgd", "adam", "lbfgs")


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("task", TASKS)
def test_user_arrays_are_not_changed(task, solver):
    X, y = problem(task, n=120)
    weight = np.linspace(0.0, 1.0, len(X))
    data = (X, y, weight)
    before = copy.deepcopy(data)
    est = estimator(task, solver=solver, early_stopping=True).fit(X, y, weight)
    outputs(est, X)
    if solver != "lbfgs":
        est.partial_fit(X, y, weight)
    assert same(before, data)


@pytest.mark.parametrize("layout", ["csr", "csc", "coo"])
def test_user_sparse_arrays_are_not_changed(layout):
    X, y = problem("multiclass")
    X[X < 0] = 0
    A = sp.csr_array(X).asformat(layout)
    B = A.copy()
    est = estimator("multiclass").fit(A, y).partial_fit(A, y)
    outputs(est, A)
    assert same(A.data, B.data)
    for part in ("indptr", "indices", "row", "col"):
        assert same(getattr(A, part, None), getattr(B, part, None))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("task", TASKS)
def test_read_only_arrays_do(task, solver):
    X, y = problem(task)
    weight = np.linspace(0.0, 1.0, len(X))
    expected = outputs(estimator(task, solver=solver).fit(X, y, weight), X)
    for array in (X, y, weight):
        array.flags.writeable = False
    assert same(outputs(estimator(task, solver=solver).fit(X, y, weight), X), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mode", ["r", "c"])
def test_memory_mapped_arrays_do(tmp_path, mode, dtype):
    X, y = problem("multiclass", dtype=dtype)
    expected = outputs(estimator("multiclass").fit(X, y), X)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode=mode)
    est = estimator("multiclass").fit(mapped, y)
    assert same(outputs(est, mapped), expected)
    est.partial_fit(mapped, y)


class Stateful:
    """A callable that would be changed by whoever writes to its attributes."""

    def __init__(self):
        self.rates = [0.01]

    def __call__(self, progress):
        return self.rates[0]


#: Objects that a caller may pass in, for each of the two estimators.
OBJECTS = {
    "hidden_layer_sizes": lambda: [4, 3],
    "activation": lambda: [LeakyRelu(0.1), "tanh"],
    "solver": lambda: Adam(beta_1=0.5),
    "learning_rate": Stateful,
    "learning_rate_factors": lambda: [1.0, 0.5, 2.0],
    "dropout": lambda: [0.1, 0.2],
    "feature_scaling": StandardScaler,
    "frozen_layers": lambda: {0: 1},
    "random_state": lambda: 3,
    "validation_splitter": lambda: KFold(4, shuffle=True, random_state=1),
    "scoring": lambda: "neg_mean_absolute_error",
}


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_objects_passed_in_are_not_changed(task):
    X, y = problem(task, n=120)
    params = {name: make() for name, make in OBJECTS.items()}
    params |= {"loss": Huber(2.0)} if task == "regression" else {"class_weight": {0: 2.0, 1: 1.0}}
    params |= {"target_scaling": StandardScaler()} if task == "regression" else {"scoring": None}
    est = estimator(task, early_stopping=True, warm_start=True, **params)
    before = {name: pickle.dumps(value) for name, value in params.items()}
    for train in (est.fit, est.fit, est.partial_fit):
        train(X, y)
        for name, value in params.items():
            assert getattr(est, name) is value
            assert pickle.dumps(value) == before[name], name
