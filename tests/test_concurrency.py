"""Several threads at once give what they give one after the other, to the last bit."""

import copy
import itertools
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
from trust import TASKS, estimator, first_partial_fit, outputs, problem, same

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def together(acts):
    """Start all functions at once, each in a thread; return their results in order."""
    barrier = threading.Barrier(len(acts))

    def run(act):
        barrier.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def rows_of(size, task):
    """Return a function that predicts some rows again and again, of one estimator."""
    X, _ = problem(task, n=size)

    def predict(est):
        results = [outputs(est, X) for _ in range(3)]
        assert all(same(results[0], other) for other in results)
        return results[0]

    return predict


@pytest.mark.parametrize(
    ("task", "dtype"), list(zip(TASKS, itertools.cycle(["float32", "float64"]), strict=False))
)
def test_eight_threads_predict_on_one_estimator(task, dtype):
    X, y = problem(task)
    est = estimator(task, hidden_layer_sizes=(30, 20), dtype=dtype).fit(X, y)
    acts = [rows_of(size, task) for size in (1, 2, 60, 61, 500, 501, 3_000, 9_000)]
    serial = [act(est) for act in acts]
    parallel = together([lambda act=act: act(est) for act in acts])
    assert same(serial, parallel)


def test_threads_predict_dense_and_sparse_rows_at_once():
    X, y = problem("multiclass", n=2_000)
    est = estimator("multiclass").fit(X, y)
    inputs = [X, sp.csr_array(X), np.asfortranarray(X), X.astype(np.float32)] * 2
    serial = [outputs(est, rows) for rows in inputs]
    assert same(serial, together([lambda rows=rows: outputs(est, rows) for rows in inputs]))


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_four_threads_fit_different_estimators(solver, early_stopping):
    params = {"solver": solver, "early_stopping": early_stopping, "batch_size": 20, "max_iter": 10}
    tasks = ("binary", "multiclass", "multi-output", "poisson")

    def fit(task):
        X, y = problem(task, n=200)
        est = estimator(task, **params).fit(X, y)
        return est.coefs_, est.intercepts_, est.loss_curve_, est.validation_scores_

    serial = [fit(task) for task in tasks]
    assert same(serial, together([lambda task=task: fit(task) for task in tasks]))


def test_threads_fit_the_same_kind_of_network_at_once():
    X, y = problem("multiclass", n=200)

    def fit(seed):
        return estimator("multiclass", random_state=seed, max_iter=20).fit(X, y).coefs_

    serial = [fit(seed) for seed in range(4)]
    assert same(serial, together([lambda seed=seed: fit(seed) for seed in range(4)]))


def test_threads_go_on_with_copies_of_one_estimator():
    X, y = problem("multiclass")
    est = first_partial_fit(estimator("multiclass"), X, y)
    copies = [copy.deepcopy(est) for _ in range(8)]
    serial = copy.deepcopy(est)
    for _ in range(10):
        serial.partial_fit(X, y)

    def go_on(other):
        for _ in range(10):
            other.partial_fit(X, y)
        return other.coefs_

    for coefs in together([lambda other=other: go_on(other) for other in copies]):
        assert same(coefs, serial.coefs_)


def test_threads_validate_their_own_rows():
    X, y = problem("multiclass", n=200)
    params = {"max_iter": 10, "early_stopping": True, "batch_size": 20}

    def fit(seed, scoring):
        est = estimator("multiclass", random_state=seed, scoring=scoring, **params)
        est.fit(X[50:], y[50:], X_val=X[:50], y_val=y[:50])
        return est.coefs_, est.validation_scores_, est.validation_loss_curve_, est.best_iter_

    asked = list(enumerate(["loss", "accuracy", "neg_log_loss", None]))
    serial = [fit(*each) for each in asked]
    assert same(serial, together([lambda each=each: fit(*each) for each in asked]))


def test_threads_predict_on_one_estimator_while_others_fit_and_save(tmp_path):
    X, y = problem("multiclass", n=2_000)
    est = estimator("multiclass", hidden_layer_sizes=(30, 20)).fit(X, y)
    expected, weights = outputs(est, X), est.get_weights()

    def save(i):
        est.save_weights(tmp_path / f"{i}")
        return estimator("multiclass").load_weights(tmp_path / f"{i}").get_weights()

    def fit(seed):
        return estimator("multiclass", random_state=seed, max_iter=5).fit(X, y).coefs_

    serial = [fit(seed) for seed in range(4)]
    acts = [lambda: outputs(est, X)] * 8
    acts += [lambda seed=seed: fit(seed) for seed in range(4)]
    acts += [lambda i=i: save(i) for i in range(2)]
    acts += [lambda: pickle.loads(pickle.dumps(est)).get_weights()] * 2
    results = together(acts)
    assert all(same(result, expected) for result in results[:8])
    assert same(results[8:12], serial)
    assert all(same(result, weights) for result in results[12:])


def test_an_error_in_one_thread_leaves_the_others_alone():
    X, y = problem("multiclass", n=200)

    def fit(seed):
        est = estimator("multiclass", random_state=seed, max_iter=20, solver="sgd")
        if seed % 2:
            est.set_params(learning_rate_init=1e300, activation="identity")
            with pytest.raises(ValueError, match="non-finite"):
                est.fit(1e10 * X, y)
            return None
        return est.fit(X, y).coefs_

    serial = [fit(seed) for seed in range(4)]
    assert same(serial, together([lambda seed=seed: fit(seed) for seed in range(4)]))
