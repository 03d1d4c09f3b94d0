"""Predictions for many rows are finished a few at a time: the same bits, and little memory."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from trust import TASKS, estimator, outputs, problem

from skmlp import MLPClassifier, MLPRegressor, inference
from skmlp.estimators import model
from skmlp.estimators.pieces import put_together

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def finished(monkeypatch, act, numbers):
    """Return a result of chunks of three rows, of which so many numbers are finished at once."""
    monkeypatch.setattr(inference, "CHUNK", 21)
    monkeypatch.setattr(model, "CHUNK", numbers)
    return act()


def assert_same(found, expected):
    """Compare arrays, or sequences of arrays, bit for bit."""
    assert type(found) is type(expected)
    if isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert_same(a, b)
    else:
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("numbers", [1, 20, 100])
@pytest.mark.parametrize("task", TASKS)
def test_any_pieces_give_the_same_bits(task, numbers, kind, monkeypatch):
    X, y = problem(task)
    est = estimator(task).fit(X, y)
    at_once = finished(monkeypatch, lambda: outputs(est, kind(X)), 10**6)
    pieces = finished(monkeypatch, lambda: outputs(est, kind(X)), numbers)
    assert at_once.keys() == pieces.keys()
    for name, expected in at_once.items():
        assert_same(pieces[name], expected)
    assert est.score(kind(X), y) == finished(monkeypatch, lambda: est.score(kind(X), y), numbers)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["a", "bb", "a long one"]),
        np.array([10, 20, 30]),
        np.array(["x", "y", "z"], object),
    ],
    ids=lambda labels: labels.dtype.kind,
)
def test_labels_of_any_kind_come_in_pieces(labels, monkeypatch):
    X, y = problem("multiclass")
    est = estimator("multiclass").fit(X, labels[y])
    at_once = est.predict(X)
    assert_same(finished(monkeypatch, lambda: est.predict(X), 20), at_once)


@pytest.mark.parametrize("return_std", [False, True])
@pytest.mark.parametrize("columns", [0, 2])
def test_means_and_deviations_come_in_pieces(columns, return_std, monkeypatch):
    X, y = problem("multi-output")
    est = MLPRegressor((5,), loss="gaussian", max_iter=3).fit(X, y if columns else y[:, 0])
    whole, pieces = (
        finished(monkeypatch, lambda: est.predict(X, return_std=return_std), numbers)
        for numbers in (10**6, 20)
    )
    assert_same(pieces, whole)


def test_put_together_keeps_what_it_is_given():
    pieces = [
        (slice(0, 2), [np.ones((2, 3)), np.arange(2)]),
        (slice(2, 3), [np.zeros((1, 3)), [7]]),
    ]
    first, second = put_together(3, pieces)
    np.testing.assert_array_equal(first, [[1, 1, 1], [1, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(second, [0, 1, 7])


@pytest.mark.parametrize("n_classes", [2, 5, 50])
@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
)
def test_classification_of_more_rows_takes_no_more_memory(method, n_classes):
    rng, width = np.random.RandomState(0), n_classes if n_classes > 2 else 1
    few, beside = 5 * inference.CHUNK // (2 * width), []
    X, y = rng.rand(2 * few, 4), rng.randint(0, n_classes, 2 * few)
    est = MLPClassifier((10,), max_iter=1, random_state=0).fit(X[:1000], y[:1000])
    for n in (few, 2 * few):
        tracemalloc.start()
        result = getattr(est, method)(X[:n])
        beside.append(tracemalloc.get_traced_memory()[1] - result.nbytes)
        tracemalloc.stop()
    assert beside[1] < beside[0] + 2**16
    assert beside[1] < 10 * 2**20
