"""Training and prediction leave the caller's arrays alone, and take those that cannot change."""

import copy

import numpy as np
import pytest
import scipy.sparse as sp
from trust import TASKS, estimator, outputs, problem, same

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
