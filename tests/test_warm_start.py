"""A warm start goes on as if training had never stopped, and only with the same architecture."""

import copy
import pickle

import numpy as np
import pytest
from cases import pairwise
from sklearn.exceptions import ConvergenceWarning
from trust import TASKS, estimator, first_partial_fit, outputs, problem, same

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

#: Solvers with each of their schedules.
SCHEDULED = [
    (solver, schedule)
    for solver in ("sgd", "adam")
    for schedule in ("constant", "invscaling", "adaptive")
]


def trained(est):
    """Return what a training leaves, apart from its records."""
    return [*est.coefs_, *est.intercepts_]


def fit_one_by_one(est, k, X, *data, between=lambda est: est):
    """Fit k times for one epoch; return the estimator and the losses."""
    est.set_params(max_iter=1, warm_start=True)
    losses = []
    for _ in range(k):
        est = between(est.fit(X, *data))
        losses += est.loss_curve_
    return est, losses


# -- k fits of one epoch are one fit of k epochs -----------------------------------------


@pytest.mark.parametrize(
    ("task", "scheduled", "shuffle", "weighted"),
    pairwise(TASKS, SCHEDULED, [False, True], [False, True]),
)
def test_fits_of_one_epoch_are_one_fit(task, scheduled, shuffle, weighted):
    solver, schedule = scheduled
    X, y = problem(task)
    data = (y, np.linspace(0.5, 1.5, len(X))) if weighted else (y,)
    params = {"solver": solver, "learning_rate": schedule, "shuffle": shuffle, "batch_size": 25}
    whole = estimator(task, max_iter=6, **params).fit(X, *data)
    parts, losses = fit_one_by_one(estimator(task, **params), 6, X, *data)
    assert same(trained(parts), trained(whole))
    assert same(losses, whole.loss_curve_)
    assert parts.t_ == whole.t_
    assert same(outputs(parts, X), outputs(whole, X))


@pytest.mark.parametrize(("solver", "schedule"), SCHEDULED)
def test_fits_of_one_epoch_are_one_fit_across_pickles(solver, schedule):
    X, y = problem("multiclass")
    params = {"solver": solver, "learning_rate": schedule, "batch_size": 25}
    whole = estimator("multiclass", max_iter=6, **params).fit(X, y)
    parts, losses = fit_one_by_one(
        estimator("multiclass", **params), 6, X, y, between=lambda e: pickle.loads(pickle.dumps(e))
    )
    assert same(trained(parts), trained(whole))
    assert same(losses, whole.loss_curve_)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fits_of_several_epochs_are_one_fit(dtype):
    X, y = problem("regression")
    whole = estimator("regression", max_iter=10, batch_size=25, dtype=dtype).fit(X, y)
    parts = estimator("regression", warm_start=True, batch_size=25, dtype=dtype)
    for epochs in (3, 1, 4, 2):
        parts.set_params(max_iter=epochs).fit(X, y)
        assert parts.n_iter_ == len(parts.loss_curve_) == epochs
    assert same(trained(parts), trained(whole))


@pytest.mark.parametrize("seed", ["stream", "int"])
def test_kind_of_seed_does_not_matter(seed):
    X, y = problem("multiclass")
    make = {"stream": lambda: np.random.RandomState(0), "int": lambda: 0}[seed]
    whole = estimator("multiclass", max_iter=5, random_state=make(), batch_size=25).fit(X, y)
    parts = estimator("multiclass", random_state=make(), batch_size=25)
    assert same(trained(fit_one_by_one(parts, 5, X, y)[0]), trained(whole))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_calls_of_partial_fit_are_one_fit_without_shuffling(task, solver):
    X, y = problem(task)
    params = {"solver": solver, "shuffle": False, "batch_size": 25}
    whole = estimator(task, max_iter=5, **params).fit(X, y)
    parts = estimator(task, **params)
    for _ in range(5):
        first_partial_fit(parts, X, y)
    assert same(trained(parts), trained(whole))
    assert same(parts.loss_curve_, whole.loss_curve_)


def test_rate_of_invscaling_goes_on_falling():
    X, y = problem("regression")
    params = {"solver": "sgd", "learning_rate": "invscaling", "power_t": 3.0, "momentum": 0.0}
    est = estimator("regression", warm_start=True, **params)
    start = trained(estimator("regression", **params, learning_rate_init=1e-300).fit(X, y))
    first = copy.deepcopy(trained(est.fit(X, y)))
    second = trained(est.fit(X, y))
    assert 0 < largest_change(first, second) < 1e-3 * largest_change(start, first)


def largest_change(a, b):
    """Return the largest difference between two lists of arrays."""
    return max(np.abs(x - y).max() for x, y in zip(a, b, strict=True))


def test_lbfgs_goes_on_from_its_weights():
    X, y = problem("regression")
    est = estimator("regression", solver="lbfgs", max_iter=5, warm_start=True).fit(X, y)
    losses = [est.loss_, *(est.fit(X, y).loss_ for _ in range(5))]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.9 * losses[0]


# -- held-out rows -----------------------------------------------------------------------------


def held_out(est, X, y, monkeypatch):
    """Fit; return the rows of X that were trained on."""
    from skmlp.layers import dense

    seen, product = set(), dense.product

    def watching(a, *args):
        if a.shape[0] == X.shape[1]:  # the transposed rows, in the gradient of the weight
            seen.update(row.tobytes() for row in a.T)
        return product(a, *args)

    with monkeypatch.context() as patch:
        patch.setattr(dense, "product", watching)
        est.fit(X, y)
    return {row.tobytes() for row in X} - seen


@pytest.mark.parametrize("seed", [0, None], ids=["int", "none"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
def test_same_rows_are_held_out_again(task, seed, monkeypatch):
    X, y = problem(task, n=100)
    params = {"early_stopping": True, "warm_start": True, "random_state": seed}
    est = estimator(task, **params)
    first = held_out(est, X, y, monkeypatch)
    assert len(first) == 10
    for _ in range(3):
        est = pickle.loads(pickle.dumps(est))
        assert held_out(est, X, y, monkeypatch) == first


def test_rows_held_out_are_those_of_one_fit(monkeypatch):
    X, y = problem("multiclass", n=100)
    whole = estimator("multiclass", early_stopping=True, max_iter=5)
    parts = estimator("multiclass", early_stopping=True, max_iter=1, warm_start=True)
    expected = held_out(whole, X, y, monkeypatch)
    for _ in range(3):
        assert held_out(parts, X, y, monkeypatch) == expected


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_improving_fits_with_early_stopping_are_one_fit(solver):
    X, y = problem("regression", n=200)
    params = {"solver": solver, "early_stopping": True, "batch_size": 30}
    whole = estimator("regression", max_iter=6, **params).fit(X, y)
    assert same(whole.validation_scores_, sorted(whole.validation_scores_))  # the last is best
    parts, losses = fit_one_by_one(estimator("regression", **params), 6, X, y)
    assert same(trained(parts), trained(whole))
    assert same(losses, whole.loss_curve_)


def test_validation_curve_is_that_of_the_last_fit():
    X, y = problem("multiclass", n=100)
    est = estimator("multiclass", early_stopping=True, warm_start=True)
    for epochs in (3, 5, 2):
        est.set_params(max_iter=epochs).fit(X, y)
        assert len(est.validation_scores_) == len(est.loss_curve_) == est.n_iter_ == epochs
        assert est.best_validation_score_ == max(est.validation_scores_)


# -- other data, other parameters -----------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
def test_patience_starts_anew_with_other_data(early_stopping):
    X, y = problem("regression", n=300)
    params = {"max_iter": 300, "learning_rate_init": 0.01, "hidden_layer_sizes": (30,)}
    est = estimator("regression", warm_start=True, early_stopping=early_stopping, **params)
    est.fit(X, y)
    est.fit(X, 100 * y[::-1] + X[:, 1])
    assert est.n_iter_ > 20
    est.set_params(max_iter=1_000).fit(X, 100 * X[:, 0])
    assert est.n_iter_ > 20
    assert est.score(X, 100 * X[:, 0]) > 0.9


@pytest.mark.parametrize("params", [{}, {"average": 0.9}, {"solver": "schedulefree"}], ids=str)
def test_divergence_in_the_first_epoch_leaves_the_weights_drawn(params):
    X, y = problem("regression")
    params = {"batch_size": 20, "max_iter": 3, "on_divergence": "stop", **params}
    still = estimator("regression", learning_rate_init=1e-300, **params).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="weights are kept"):
        est = estimator("regression", learning_rate_init=1e300, **params).fit(X, y)
    assert est.best_iter_ == 0
    assert same(trained(est), trained(still))


@pytest.mark.parametrize("params", [{"early_stopping": True}, {"on_divergence": "stop"}], ids=str)
@pytest.mark.parametrize("solver", ["sgd", "adam", "schedulefree"])
@pytest.mark.parametrize("average", [False, 0.9])
def test_training_goes_on_after_divergence(solver, average, params):
    """The weights that are kept go on with a fresh optimizer, also from a pickle."""
    X, y = problem("regression", n=120)
    params = {"solver": solver, "batch_size": 20, "max_iter": 3, "warm_start": True, **params}
    if solver != "schedulefree":
        params["average"] = average
    est = estimator("regression", learning_rate_init=1e-3, **params).fit(X, y)
    healthy = trained(est)
    with pytest.warns(ConvergenceWarning, match="weights are kept"):
        est.set_params(learning_rate_init=1e300).fit(X, y)
    assert est.stopped_by_ == "divergence"
    assert est.n_iter_ == 1
    assert same(trained(est), healthy)
    loaded = pickle.loads(pickle.dumps(est))
    for each in (est, loaded):
        each.set_params(learning_rate_init=1e-3).fit(X, y)
        assert each.stopped_by_ == "max_iter"
        assert np.isfinite(each.predict(X)).all()
    assert same(trained(est), trained(loaded))


def test_other_number_of_rows_is_taken(monkeypatch):
    X, y = problem("multiclass", n=200)
    est = estimator("multiclass", warm_start=True, early_stopping=True)
    for n in (100, 200, 60):
        assert len(held_out(est, X[:n], y[:n], monkeypatch)) == n // 10


def test_batch_that_lacks_a_class_is_taken():
    X, y = problem("multiclass")
    est = estimator("multiclass", warm_start=True).fit(X, y)
    est.fit(X[y < 2], y[y < 2])
    np.testing.assert_array_equal(est.classes_, [0, 1, 2])
    assert est.predict_proba(X).shape == (len(X), 3)


@pytest.mark.parametrize("start", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("then", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_solver_may_change(start, then, early_stopping):
    X, y = problem("multiclass")
    est = estimator("multiclass", warm_start=True, solver=start).fit(X, y)
    est.set_params(solver=then, early_stopping=early_stopping).fit(X, y)
    assert len(est.loss_curve_) == est.n_iter_ >= 1
    assert (est.validation_scores_ is not None) == early_stopping
    assert est.loss_ < np.log(3) * 2


def test_other_solver_starts_with_a_fresh_state():
    X, y = problem("multiclass")
    params = {"warm_start": True, "shuffle": False}
    est = estimator("multiclass", solver="sgd", **params).fit(X, y)
    fresh = estimator("multiclass", solver="adam", **params).fit(X, y)
    fresh.set_params(warm_start=False).fit(X, y)  # a plain fit drops the state
    fresh.coefs_, fresh.intercepts_ = copy.deepcopy((est.coefs_, est.intercepts_))
    est.set_params(solver="adam").fit(X, y)
    fresh.set_params(warm_start=True).fit(X, y)
    assert same(trained(est), trained(fresh))


def test_other_seed_starts_its_own_stream():
    X, y = problem("multiclass")
    est = estimator("multiclass", warm_start=True, batch_size=20).fit(X, y)
    same_seed, other_seed = copy.deepcopy(est), copy.deepcopy(est).set_params(random_state=7)
    assert not same(trained(same_seed.fit(X, y)), trained(other_seed.fit(X, y)))


def test_cold_start_forgets_everything():
    X, y = problem("multiclass")
    once = estimator("multiclass", warm_start=True).fit(X, y)
    est = estimator("multiclass", warm_start=True).fit(X[::-1], y[::-1])
    est.partial_fit(X, y)
    est.set_params(warm_start=False).fit(X, y)
    assert same(trained(est), trained(once))
    assert same(est.loss_curve_, once.loss_curve_)


def test_cold_start_takes_other_data_and_architecture():
    X, y = problem("multiclass")
    est = estimator("multiclass").fit(X, y)
    est.set_params(hidden_layer_sizes=(3, 2), activation="tanh").fit(X[:, :2], y > 1)
    assert [w.shape for w in est.coefs_] == [(2, 3), (3, 2), (2, 1)]
    np.testing.assert_array_equal(est.classes_, [False, True])


def test_partial_fit_goes_on_from_fit_with_early_stopping():
    X, y = problem("multiclass", n=100)
    est = estimator("multiclass", early_stopping=True).fit(X, y)
    before = est.loss_curve_
    est.partial_fit(X, y)
    assert est.loss_curve_[:-1] == before
    assert est.n_iter_ == len(before) + 1
