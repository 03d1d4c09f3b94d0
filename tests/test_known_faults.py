"""Faults that users met in other multilayer perceptrons, one test each: ours have none of them.

The docstring of a test says what went wrong elsewhere. Where scikit-learn is quickly asked, its
answer is recorded as a property of the test, "scikit-learn has it", which no test depends on: it
may be mended in any version.
"""

import ast
import contextlib
import copy
import inspect
import io
import math
import pickle
import re
import sys
import tracemalloc
import warnings

import numpy as np
import pytest
import sklearn.neural_network
from scipy.special import expit, softmax
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold
from sklearn.utils import estimator_checks, get_tags
from trust import ESTIMATORS, classes_of, estimator, outputs, problem, same

from skmlp import MLPClassifier, MLPRegressor
from skmlp.losses import LOSSES
from skmlp.optimizers import OPTIMIZERS
from skmlp.schedules import SCHEDULES
from skmlp.stopping import Patience

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning:skmlp"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

SOLVERS = ("sgd", "adam", "lbfgs")
FIRST_ORDER = ("sgd", "adam")
both = pytest.mark.parametrize("cls", ESTIMATORS)


@pytest.fixture
def in_sklearn(record_property):
    """Return a function that records whether scikit-learn has the fault, and never fails."""

    def ask(has_fault, name, **params):
        est = getattr(sklearn.neural_network, name)(random_state=0, **params)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                answer = str(bool(has_fault(est)))
            except Exception as error:
                answer = f"{type(error).__name__}: {error}"[:200]
        record_property("scikit-learn has it", answer)

    return ask


def numbers(n=200, n_features=3):
    """Return X and two targets that have nothing to do with each other."""
    X = np.random.RandomState(0).standard_normal((n, n_features))
    return X, X[:, 0] - X[:, 1], X[:, 2] + np.sin(X[:, 1])


class Recorder:
    """A scorer that keeps the rows and weights it is asked about; all scores are the same."""

    def __init__(self, score=lambda: 0.0):
        self.rows, self.y, self.weights, self._score = [], [], [], score

    def __call__(self, est, X, y, sample_weight=None):
        self.rows.append(np.array(X))
        self.y.append(np.array(y))
        self.weights.append(None if sample_weight is None else np.array(sample_weight))
        return self._score()


# -- warm starts and partial_fit -----------------------------------------------------------


WARM = {
    "hidden_layer_sizes": (30,),
    "learning_rate_init": 0.01,
    "max_iter": 400,
    "batch_size": 50,
    "warm_start": True,
}


def test_B01_warm_start_on_other_data_trains(in_sklearn):
    """The best loss of the first fit survived, so that the second one ended after an epoch."""
    X, y, other = numbers()

    def ends_soon(est):
        return est.fit(X, y).fit(X, 100 * other).n_iter_ < 20

    est = MLPRegressor(**WARM, random_state=0)
    assert not ends_soon(est)
    assert est.score(X, 100 * other) > 0.9
    in_sklearn(ends_soon, "MLPRegressor", **WARM)


def test_B02_warm_start_with_early_stopping_trains_and_keeps_its_split(in_sklearn):
    """A stale score ended the second fit; its curve grew on; its held-out rows were others."""
    X, y, other = numbers()
    recorder, r2 = Recorder(), MLPRegressor(**WARM, early_stopping=True, random_state=0)
    est = clone(r2).set_params(scoring=recorder)
    est.fit(X, y).fit(X, other)
    assert len({rows.tobytes() for rows in recorder.rows}) == 1
    assert len(recorder.rows[0]) == 20
    r2.fit(X, y).fit(X, 100 * other)
    assert len(r2.validation_scores_) == r2.n_iter_ > 20
    assert r2.score(X, 100 * other) > 0.9

    def ends_soon(est):
        return est.fit(X, y).fit(X, 100 * other).n_iter_ < 20

    in_sklearn(ends_soon, "MLPRegressor", **WARM, early_stopping=True)


@pytest.mark.parametrize("sizes", [(20,), (20, 20), ()])
@pytest.mark.parametrize("solver", SOLVERS)
def test_B03_warm_start_refuses_another_architecture(solver, sizes, in_sklearn):
    """Another width was ignored without a word; another depth failed inside on None.

    With ``"lbfgs"`` scikit-learn 1.9 writes beyond its arrays and may end the process: it is
    not asked.
    """
    X, y = problem("multiclass")
    est = estimator("multiclass", solver=solver, warm_start=True).fit(X, y)
    est.set_params(hidden_layer_sizes=sizes)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=.* does not match the fitted"):
        est.fit(X, y)
    est.set_params(warm_start=False).fit(X, y)
    assert [w.shape[1] for w in est.coefs_] == [*sizes, 3]

    def keeps_the_old_one(est):
        est.fit(X, y).set_params(hidden_layer_sizes=sizes).fit(X, y)
        return [w.shape[1] for w in est.coefs_] != [*sizes, 3]

    if solver != "lbfgs":
        in_sklearn(keeps_the_old_one, "MLPClassifier", solver=solver, warm_start=True, max_iter=3)


@pytest.mark.parametrize("change", [{"solver": "adam"}, {"early_stopping": True}], ids=str)
def test_B04_warm_start_takes_another_solver_and_early_stopping(change, in_sklearn):
    """After lbfgs there was no ``loss_curve_``; without a first score, no list to append to."""
    X, y = problem("multiclass")
    start = {"solver": "lbfgs"} if "solver" in change else {}
    est = estimator("multiclass", warm_start=True, **start).fit(X, y)
    est.set_params(**change).fit(X, y)
    assert len(est.loss_curve_) == est.n_iter_ == 3
    assert (est.validation_scores_ is not None) == ("early_stopping" in change)

    def fails(est):
        est.fit(X, y).set_params(**change).fit(X, y)

    in_sklearn(fails, "MLPClassifier", warm_start=True, max_iter=3, **start)


@pytest.mark.parametrize("solver", FIRST_ORDER)
def test_B05_many_short_fits_are_one_long_fit(solver, in_sklearn):
    """Each warm fit began with a fresh Adam and shuffled as the first had done."""
    X, y, _ = numbers()

    def differs(est):
        est.set_params(warm_start=True, solver=solver, batch_size=32, max_iter=1)
        for _ in range(8):
            est.fit(X, y)
        whole = clone(est).set_params(warm_start=False, max_iter=8).fit(X, y)
        return not all(map(np.array_equal, est.coefs_, whole.coefs_))

    assert not differs(MLPRegressor((9,), random_state=0))
    in_sklearn(differs, "MLPRegressor", hidden_layer_sizes=(9,))


def test_B06_calls_of_partial_fit_shuffle_anew_and_are_counted(in_sklearn):
    """With an int seed each call had the same order of rows, and ``n_iter_`` stayed 1."""
    X, y, _ = numbers()

    def repeats_itself(est):
        est.set_params(solver="sgd", batch_size=20)
        same_order = clone(est)
        for _ in range(2):
            est.partial_fit(X, y)
            same_order.set_params(random_state=np.random.RandomState(0)).partial_fit(X, y)
        return np.array_equal(est.coefs_[0], same_order.coefs_[0]) or est.n_iter_ != 2

    assert not repeats_itself(MLPRegressor((9,), random_state=0))
    in_sklearn(repeats_itself, "MLPRegressor", hidden_layer_sizes=(9,))


@both
def test_B07_partial_fit_goes_with_early_stopping(cls, in_sklearn):
    """It raised an error, after ``fit`` and at the first call."""
    X, y = problem("binary")

    def fails(est):
        est.set_params(early_stopping=True, max_iter=3).fit(X, y).partial_fit(X, y)

    est = cls((5,), random_state=0)
    fails(est)
    assert est.n_iter_ == 4
    first = {"classes": [0, 1]} if is_classifier(est) else {}
    assert clone(est).partial_fit(X, y, **first).validation_scores_ is None
    in_sklearn(fails, cls.__name__)


def test_B23_warm_start_takes_data_that_lack_a_class(in_sklearn):
    """A second fit with fewer classes was an error, though ``partial_fit`` took them."""
    X, y = problem("multiclass")

    def fails(est):
        est.set_params(warm_start=True, max_iter=3).fit(X, y).fit(X[y < 2], y[y < 2])

    est = estimator("multiclass")
    fails(est)
    assert est.classes_.tolist() == [0, 1, 2]
    assert est.predict_proba(X).shape == (len(X), 3)
    in_sklearn(fails, "MLPClassifier")


def test_B27_partial_fit_learns_labels_as_fit_does():
    """What ``classes`` means for an indicator matrix surprised, and the result was poor."""
    X, y = problem("multilabel", n=200)
    params = {"learning_rate_init": 0.02, "hidden_layer_sizes": (20,)}
    whole = estimator("multilabel", max_iter=40, **params).fit(X, y)
    parts = estimator("multilabel", **params)
    for _ in range(40):
        parts.partial_fit(X, y, classes=classes_of(y))
    assert parts.predict(X).shape == y.shape
    assert abs(whole.score(X, y) - parts.score(X, y)) < 0.05
    assert whole.score(X, y) > 0.85


# -- divergence ----------------------------------------------------------------------------


WILD = {"solver": "sgd", "activation": "identity", "max_iter": 100}


def test_B08_divergence_with_early_stopping_ends_at_once_with_the_best_weights(in_sklearn):
    """A NaN score counted as an improvement: all epochs ran, and nothing was said."""
    X, y, _ = numbers()
    params = {**WILD, "learning_rate_init": 10.0, "early_stopping": True}

    def goes_on(est):
        return np.isnan(est.fit(X, y).validation_scores_).sum() > 1

    est = MLPRegressor(**params, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"non-finite.*learning_rate_init=10 is large"):
        assert not goes_on(est)
    assert est.stopped_by_ == "divergence"
    assert math.isnan(est.validation_scores_[-1])
    assert est.score(X, y) <= est.best_validation_score_ + 0.5
    assert np.isfinite(est.predict(X)).all()
    in_sklearn(goes_on, "MLPRegressor", **params)


def test_B09_divergence_is_noticed_in_its_epoch():
    """The error came after the last of all epochs."""
    X, y, _ = numbers()
    est = MLPRegressor(**WILD, learning_rate_init=1e6, random_state=0)
    with pytest.raises(ValueError, match=r"^Solver produced non-finite parameter weights"):
        est.fit(X, y)
    with pytest.warns(ConvergenceWarning, match="non-finite"):
        est.set_params(on_divergence="stop").fit(X, y)
    assert np.isfinite(est.loss_curve_[:-1]).all()
    assert math.isnan(est.loss_curve_[-1])
    assert est.n_iter_ < 30


# -- losses, weights and penalties ---------------------------------------------------------


def test_B10_batch_whose_weights_are_all_zero_is_left_out(in_sklearn):
    """A division by zero ended the fit."""
    X, y, _ = numbers()
    weight = np.repeat([0.0, 1.0], [100, 100])
    params = {"shuffle": False, "batch_size": 100, "max_iter": 5, "random_state": 0}
    est = MLPRegressor((9,), **params).fit(X, y, sample_weight=weight)
    rest = MLPRegressor((9,), **params).fit(X[100:], y[100:])
    for a, b in zip(est.coefs_, rest.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    params.pop("random_state")
    in_sklearn(lambda est: est.fit(X, y, sample_weight=weight) is None, "MLPRegressor", **params)


def test_B11_weighted_loss_is_that_of_all_rows(in_sklearn):
    """The batches' losses were averaged by their numbers of rows, not by their weights."""
    X, y, _ = numbers()
    weight = np.linspace(0.0, 5.0, len(X)) ** 2
    params = {"learning_rate_init": 1e-300, "solver": "sgd", "max_iter": 1, "alpha": 0.0}

    def is_another(est):
        est.set_params(batch_size=30, shuffle=False).fit(X, y, sample_weight=weight)
        expected = np.average((y - est.predict(X)) ** 2, weights=weight) / 2
        return abs(est.loss_ - expected) > 1e-9

    assert not is_another(MLPRegressor((9,), random_state=0, **params))
    in_sklearn(is_another, "MLPRegressor", **params)


def weight_norm(batch_size, **params):
    """Return Σ w² of a linear model after many epochs of plain gradient descent."""
    X, y, _ = numbers(240)
    est = MLPRegressor((), solver="sgd", momentum=0.0, tol=0.0, random_state=0, shuffle=False)
    params = {"alpha": 0.0, "max_iter": 4 * batch_size, "learning_rate_init": 0.01, **params}
    est.set_params(batch_size=batch_size, **params).fit(X, y)
    return float(sum((w**2).sum() for w in est.coefs_))


def test_B12_there_is_a_decay_that_does_not_depend_on_the_batch():
    """``alpha`` is divided by the rows of a batch, so that smaller batches shrink weights more.

    That formula is kept, and documented; ``weight_decay`` knows nothing of batches.
    """
    for cls in ESTIMATORS:
        assert "divided by the weight sum of the batch" in cls.__doc__
    plain = weight_norm(240)
    decayed = [weight_norm(size, weight_decay=0.5) for size in (12, 60, 240)]
    np.testing.assert_allclose(decayed, decayed[0], rtol=0.05)
    assert decayed[0] < 0.6 * plain
    proportional = [weight_norm(size, alpha=0.5 * size) for size in (12, 60, 240)]
    np.testing.assert_allclose(proportional, proportional[0], rtol=0.05)
    assert weight_norm(12, alpha=50.0) < 0.1 * weight_norm(240, alpha=50.0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_targets", [1, 2, 5])
def test_B13_gradient_is_that_of_the_reported_loss(n_targets, weighted, in_sklearn):
    """With several targets the loss was a mean and the gradient that of a sum."""
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((20, 3)), rng.standard_normal((20, n_targets))
    y, h = y.squeeze(), 1e-5
    data = (rng.uniform(0.5, 2.0, 20),) if weighted else ()

    def disagree(est):
        est.set_params(solver="sgd", momentum=0.0, alpha=0.3, activation="tanh", warm_start=True)
        est.set_params(hidden_layer_sizes=(4,), max_iter=1, learning_rate_init=1e-300)
        weight = est.fit(X, y, *data).coefs_[1]
        losses = []
        for step in (h, -2 * h):
            weight[2, 0] += step
            losses.append(est.fit(X, y, *data).loss_curve_[-1])
            weight = est.coefs_[1]
        weight[2, 0] += h
        before = weight[2, 0]
        moved = est.set_params(learning_rate_init=1e-6).fit(X, y, *data).coefs_[1][2, 0]
        slope = (losses[0] - losses[1]) / (2 * h)
        return not math.isclose((before - moved) / 1e-6, slope, rel_tol=1e-5)

    assert not disagree(MLPRegressor(random_state=0))
    in_sklearn(disagree, "MLPRegressor")


def test_B14_widths_are_the_first_argument_of_both():
    """The first argument of one of the two became the loss."""
    assert MLPRegressor((5,)).hidden_layer_sizes == MLPClassifier((5,)).hidden_layer_sizes == (5,)


# -- solvers, schedules and early stopping -------------------------------------------------


@both
def test_B15_lbfgs_stops_early_and_has_a_loss_curve(cls, in_sklearn):
    """Early stopping was ignored without a word, and nothing was recorded."""
    X, y = problem("binary", n=200)
    params = {"solver": "lbfgs", "early_stopping": True, "n_iter_no_change": 3}

    def ignores_it(est):
        return not len(est.fit(X, y).validation_scores_) == len(est.loss_curve_) == est.n_iter_

    est = cls((5,), random_state=0, **params)
    assert not ignores_it(est)
    assert est.stopped_by_ == "early_stopping"
    assert est.best_validation_score_ == max(est.validation_scores_)
    in_sklearn(ignores_it, cls.__name__, **params)


def test_B16_rows_held_out_are_stratified_for_any_number_of_classes():
    """Only two classes were; a class of one row was an error."""
    X, y = np.arange(300.0)[:, None], np.repeat(["a", "b", "c"], [201, 90, 9])
    for seed in range(6):
        recorder = Recorder()
        est = MLPClassifier((3,), max_iter=1, early_stopping=True, scoring=recorder)
        est.set_params(random_state=seed).fit(X, y)
        counts = np.unique(recorder.y[0], return_counts=True)[1]
        assert counts.tolist() == [20, 9, 1]
    for labels in (y, y == "a"):
        labels = labels.astype(str)
        labels[-1] = "once"
        with pytest.warns(UserWarning, match="not stratified"):
            est.fit(X, labels)
        assert len(est.validation_scores_) == 1


def test_B17_schedules_count_what_they_say():
    """``invscaling`` fell with the rows seen, and nothing said so."""
    X, y, _ = numbers(60)
    params = {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.5, "max_iter": 4}
    est = MLPRegressor((3,), learning_rate_init=0.01, batch_size=20, **params).fit(X, y)
    rows = np.array([0, 60, 120, 180])
    np.testing.assert_allclose(est.learning_rate_curve_, 0.01 / np.sqrt(rows + 1), rtol=1e-12)
    for cls in ESTIMATORS:
        assert "``learning_rate_init / (1 + t) ** power_t`` where t counts the" in cls.__doc__


@pytest.mark.parametrize("solver", OPTIMIZERS)
def test_B18_every_optimizer_follows_every_schedule(solver):
    """Schedules were ignored without a word, but for plain gradient descent."""
    X, y, _ = numbers(60)
    params = {"solver": solver, "max_iter": 8, "tol": 0.0, "lr_period": 3, "random_state": 0}
    est = MLPRegressor((3,), batch_size=20, learning_rate_init=0.01, **params)
    if solver == "rprop":
        est.set_params(batch_size="auto")  # it needs all rows
    constant = clone(est).fit(X, y)
    for schedule in SCHEDULES.keys() - {"constant", "adaptive"}:
        other = clone(est).set_params(learning_rate=schedule).fit(X, y)
        assert len(set(other.learning_rate_curve_)) > 1, schedule
        assert not np.array_equal(other.coefs_[0], constant.coefs_[0]), schedule
    est.set_params(learning_rate="adaptive", max_iter=40, tol=1e9, n_iter_no_change=1)
    assert est.set_params(learning_rate_init=0.1).fit(X, y).learning_rate_curve_[-1] < 0.1


def test_B19_stray_weights_are_no_way_to_start():
    """``coefs_`` set before the fit were ignored, and there was no other way to give weights."""
    X, y, _ = numbers()
    plain = MLPRegressor((9,), max_iter=1, random_state=0).fit(X, y)
    stray = MLPRegressor((9,), max_iter=1, random_state=0)
    stray.coefs_ = [10 * w for w in plain.coefs_]
    assert same(stray.fit(X, y).coefs_, plain.coefs_)
    still = {"learning_rate_init": 1e-300, "alpha": 0.0, "solver": "sgd"}
    started = MLPRegressor((9,), max_iter=1, pretrained=plain.get_weights(), **still).fit(X, y)
    assert same(started.predict(X), plain.predict(X))


# -- files, predictions, types -------------------------------------------------------------


def test_B20_pickle_is_as_large_as_the_weights(in_sklearn):
    """It was four times as large: two moments, and the best weights once more."""
    X, y, _ = numbers(50, 100)

    def is_large(est):
        est.set_params(hidden_layer_sizes=(150, 150), max_iter=2).fit(X, y)
        return len(pickle.dumps(est)) > 1.1 * sum(w.nbytes for w in est.coefs_)

    assert not is_large(MLPRegressor(random_state=0))
    in_sklearn(is_large, "MLPRegressor")


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_B21_log_probabilities_are_finite(task, in_sklearn):
    """They were the logarithms of probabilities that had become zero, with a warning."""
    X, y = problem(task)

    def is_infinite(est):
        return not np.isfinite(est.fit(X, y).predict_log_proba(1e5 * X)).all()

    est = estimator(task, hidden_layer_sizes=(20,), learning_rate_init=0.1, max_iter=50)
    assert not is_infinite(est)
    assert est.predict_log_proba(1e5 * X).min() < -1e3
    in_sklearn(is_infinite, "MLPClassifier", learning_rate_init=0.1, max_iter=50)


def peak_of(act):
    """Return the most bytes allocated at a time."""
    tracemalloc.start()
    act()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_B22_memory_of_predictions_does_not_grow_with_rows_times_width():
    """All rows went through each layer at once: ten times the data for 200 units."""
    X, y, _ = numbers(60)
    est = MLPRegressor((500, 500), max_iter=1, random_state=0).fit(X, y)
    peaks = []
    for n in (4_000, 16_000):
        rows = np.resize(X, (n, 3))
        est.predict(rows)
        peaks.append(peak_of(lambda rows=rows: est.predict(rows)))
    assert peaks[1] - peaks[0] < 4 * 12_000 * 8  # a few numbers a row, not 500
    assert peaks[1] < 2**23


def test_B22_prediction_of_one_row_is_a_short_way():
    """Validation took ten times as long as the products: here calls are counted, not time."""
    X, y, _ = numbers(60)
    ours = MLPRegressor((20,), max_iter=1, random_state=0).fit(X, y)
    theirs = sklearn.neural_network.MLPRegressor(hidden_layer_sizes=(20,), max_iter=1).fit(X, y)
    assert calls_of(lambda: ours.predict(X[:1])) < calls_of(lambda: theirs.predict(X[:1])) / 3


def calls_of(act):
    """Return how many functions, Python's and C's, are called."""
    act()
    count = 0

    def note(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


def curved_classes():
    """Return rows whose two classes no line divides, the smaller one 42 % of them."""
    X = np.random.RandomState(1).random_sample((500, 2))
    return X, (X[:, 0] + (2 * X[:, 1] - 1) ** 2 > 0.75).astype(int)


@pytest.mark.parametrize("hidden", [(20, 20), (10, 10, 10)])
@pytest.mark.parametrize("seed", range(3))
def test_B24_constant_prediction_is_not_called_converged(hidden, seed, in_sklearn):
    """Logistic units start on a plateau: after 15 epochs training ended there, "converged"."""
    X, y = curved_classes()
    base_rate = max(y.mean(), 1 - y.mean())

    def is_fooled(est):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            est.set_params(activation="logistic").fit(X, y)
        converged = not any(issubclass(w.category, ConvergenceWarning) for w in caught)
        return converged and est.score(X, y) < base_rate + 0.05

    est = MLPClassifier(hidden, random_state=seed)
    assert not is_fooled(est)
    assert est.n_iter_ == 200
    in_sklearn(is_fooled, "MLPClassifier", hidden_layer_sizes=hidden)


def test_B24_network_leaves_the_plateau():
    """The same, with as many epochs as it takes."""
    X, y = curved_classes()
    est = MLPClassifier((20, 20), activation="logistic", random_state=1, learning_rate_init=0.01)
    assert est.fit(X, y).score(X, y) > max(y.mean(), 1 - y.mean()) + 0.1


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_B25_units_of_the_target_do_not_decide_when_training_ends(scale):
    """``tol`` is absolute, so that large targets never improved too little, small ones always."""
    X, y, _ = numbers()
    est = MLPRegressor((9,), target_scaling="standard", max_iter=300, random_state=0)
    est.set_params(learning_rate_init=0.01)
    expected = clone(est).fit(X, y)
    assert expected.n_iter_ < 300
    assert abs(est.fit(X, scale * y).n_iter_ - expected.n_iter_) <= 1
    np.testing.assert_allclose(est.predict(X), scale * expected.predict(X), rtol=1e-4)


def test_B25_relative_tolerance_knows_no_units():
    """The same for the tolerance by itself."""
    losses = 3.0 * 0.9 ** np.arange(100) + 1.0

    def epochs(scale, mode):
        patience = Patience(tol=1e-3, n_iter_no_change=3, tol_mode=mode)
        return [patience.stalled(-scale * loss) for loss in losses].index(True)

    assert epochs(1.0, "relative") == epochs(1e6, "relative") == epochs(1e-6, "relative")
    assert epochs(1.0, "absolute") > epochs(1e-3, "absolute")


def test_B26_predictions_have_the_type_of_the_fit():
    """A network of single precision gave double precision, from a whole copy of the rows."""
    X, y, _ = numbers(50_000, 20)
    single = X.astype(np.float32)
    est = MLPRegressor((5,), max_iter=1, batch_size=5_000, random_state=0).fit(single, y)
    assert est.predict(X).dtype == est.predict(single).dtype == np.float32
    np.testing.assert_array_equal(est.predict(X), est.predict(single))
    assert peak_of(lambda: est.predict(X)) < X.nbytes / 4
    assert est.set_params(dtype="float64").fit(single, y).predict(single).dtype == np.float64


#: Checks that a classifier with early stopping failed. Where rows stand for weights, others
#: are held out, so that check can pass with ``X_val`` only.
FAILED = (
    "check_fit_score_takes_y",
    "check_n_features_in_after_fitting",
    "check_estimators_nan_inf",
    "check_classifiers_one_label",
    "check_estimators_partial_fit_n_features",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
)


@pytest.mark.filterwarnings("ignore:The validation set:UserWarning")
@pytest.mark.parametrize("check", FAILED)
@pytest.mark.parametrize("params", [{}, {"dropout": 0.5}, {"batch_norm": True}], ids=str)
def test_B28_early_stopping_passes_the_checks(params, check):
    """With early stopping scikit-learn's own checks of an estimator failed, seven of them."""
    est = MLPClassifier(early_stopping=True, max_iter=20, **params)
    getattr(estimator_checks, check)("MLPClassifier", est)


# -- what other libraries did ----------------------------------------------------------------


def test_peer_softmax_is_applied_once():
    """``predict_proba`` took the softmax of a softmax: 0.58 was the highest probability."""
    X, y = load_iris(return_X_y=True)
    est = MLPClassifier((20,), max_iter=300, learning_rate_init=0.01, random_state=0).fit(X, y)
    p = est.predict_proba(X)
    np.testing.assert_allclose(p, softmax(est.decision_function(X), axis=1), rtol=1e-9)
    assert p.max() > 0.95
    binary = est.fit(X, y > 0)
    np.testing.assert_allclose(
        binary.predict_proba(X)[:, 1], expit(binary.decision_function(X)), rtol=1e-9
    )


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_peer_logarithm_is_taken_once(task):
    """Losses that expect logarithms were given probabilities, and the other way round."""
    X, y = problem(task)
    params = {"learning_rate_init": 1e-300, "solver": "sgd", "alpha": 0.0, "max_iter": 1}
    est = estimator(task, **params).fit(X, y)
    p = est.predict_proba(X)
    columns = zip(y.T, p.T, strict=True) if task == "multilabel" else [(y, p)]
    assert est.loss_ == pytest.approx(sum(log_loss(*pair) for pair in columns), rel=1e-9)


def test_peer_l1_and_dropout_do_something():
    """An L1 penalty was in the cost but not in the gradient, and ``dropout`` was thrown away."""
    X, y, _ = numbers()
    params = {"hidden_layer_sizes": (9,), "random_state": 0, "max_iter": 50}
    params |= {"learning_rate_init": 0.01}
    plain = MLPRegressor(**params).fit(X, y)
    sparse = MLPRegressor(**params, l1_ratio=1.0, alpha=20.0).fit(X, y)
    assert (sparse.coefs_[0] == 0).sum() > 5 > (plain.coefs_[0] == 0).sum()
    for name in ("dropout", "input_dropout"):
        dropped = MLPRegressor(**params, **{name: 0.4}).fit(X, y)
        assert dropped.loss_ > 1.5 * plain.loss_
        assert not np.array_equal(dropped.coefs_[0], plain.coefs_[0])


def test_peer_weights_stay_with_their_rows():
    """After the split the weights belonged to other rows."""
    X, y, _ = numbers()
    weight = np.exp(X[:, 0])
    for params in ({}, {"validation_splitter": KFold(4, shuffle=True, random_state=0)}):
        recorder = Recorder()
        est = MLPRegressor((5,), early_stopping=True, scoring=recorder, max_iter=2, **params)
        est.fit(X, y, sample_weight=weight)
        np.testing.assert_array_equal(recorder.weights[0], np.exp(recorder.rows[0][:, 0]))
        assert not np.array_equal(recorder.rows[0], X[: len(recorder.rows[0])])


def test_peer_validation_is_weighted():
    """Training minded the weights, validation did not."""
    X, y, other = numbers()
    weight = np.repeat([1.0, 0.0], [100, 100])
    est = MLPRegressor((5,), early_stopping=True, max_iter=20, random_state=0)
    weighted = clone(est).fit(X, y, X_val=X, y_val=other, sample_weight_val=weight)
    dropped = clone(est).fit(X, y, X_val=X[:100], y_val=other[:100])
    np.testing.assert_allclose(weighted.validation_scores_, dropped.validation_scores_, rtol=1e-9)
    for name in ("validation_loss_curve_", "validation_scores_"):
        unweighted = clone(est).fit(X, y, X_val=X, y_val=other)
        assert not np.allclose(getattr(unweighted, name), getattr(dropped, name))


def test_peer_training_ends_without_rows_to_validate():
    """Without a validation set nothing ended the training."""
    X, y, _ = numbers()
    est = MLPRegressor((9,), learning_rate_init=0.02, max_iter=5_000, random_state=0).fit(X, y)
    assert est.stopped_by_ == "tol"
    assert est.n_iter_ < 1_000


@both
def test_peer_parameters_are_read_kept_by_clone_and_not_written_to(cls):
    """``warm_start`` was never read, ``clone`` lost arguments, ``fit`` wrote to a given dict."""
    X, y = problem("binary")
    given = {"hidden_layer_sizes": [5, 4], "learning_rate_factors": [1.0, 0.5, 2.0]}
    if cls is MLPClassifier:
        given["class_weight"] = {0: 1.0, 1: 2.0}
    before = copy.deepcopy(given)
    est = cls(**given, warm_start=True, max_iter=2)
    first = est.fit(X, y).loss_
    assert est.fit(X, y).loss_ < first
    assert given == before
    assert all(getattr(est, name) is value for name, value in given.items())
    copied = clone(est.set_params(random_state=3))
    assert copied.get_params() == est.get_params()
    assert set(vars(copied)) == set(est.get_params())


def test_peer_kind_of_an_estimator_is_known():
    """With the mixins on the wrong side scikit-learn took a classifier for neither kind."""
    assert is_classifier(MLPClassifier())
    assert not is_regressor(MLPClassifier())
    assert is_regressor(MLPRegressor())
    assert get_tags(MLPRegressor()).target_tags.multi_output
    estimator_checks.check_mixin_order("MLPClassifier", MLPClassifier())
    estimator_checks.check_mixin_order("MLPRegressor", MLPRegressor())


@both
def test_peer_docstring_tells_the_defaults(cls):
    """It told those of an earlier version."""
    written = re.findall(r"^ {4}(\w+(?:, \w+)*) :.*?default=(.+?)$", cls.__doc__, re.MULTILINE)
    defaults = {name: p.default for name, p in inspect.signature(cls).parameters.items()}
    told = set()
    for names, value in written:
        names, value = names.split(", "), ast.literal_eval(value)
        values = (
            list(value) if len(names) > 1 and isinstance(value, tuple) else [value] * len(names)
        )
        assert values == [defaults[name] for name in names], names
        told.update(names)
    assert told == defaults.keys()


def documented_losses():
    """Return each class with each of the losses that its docstring names."""
    pairs = [(cls, loss) for cls in ESTIMATORS for loss in ("log_loss", "focal", *LOSSES)]
    return [(cls, loss) for cls, loss in pairs if f"'{loss}'" in cls.__doc__]


@pytest.mark.parametrize(("cls", "loss"), documented_losses())
def test_peer_every_documented_loss_trains(cls, loss):
    """A documented loss was refused by an assertion in the only engine there was."""
    X, y = problem("multiclass")
    est = cls((5,), loss=loss, max_iter=10, learning_rate_init=0.01, random_state=0)
    assert est.fit(X, y + 1).loss_ < est.loss_curve_[0]


def test_peer_nothing_is_printed(capfd):
    """Predictions, and the checks of an estimator, printed what was left from debugging."""
    X, y = problem("multiclass")
    outputs(estimator("multiclass").fit(X, y).partial_fit(X, y), X)
    for est in (MLPClassifier(max_iter=2), MLPRegressor(max_iter=2)):
        estimator_checks.check_n_features_in_after_fitting(type(est).__name__, est)
        estimator_checks.check_dataframe_column_names_consistency(type(est).__name__, est)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["alpha", "weight_decay", "max_norm", "l1"])
def test_peer_no_penalty_shrinks_the_biases(name):
    """Of two ways to the same penalty one shrank the biases, too."""
    X = np.random.RandomState(0).standard_normal((100, 3))
    strong = {"alpha": {"alpha": 1e3}, "weight_decay": {"weight_decay": 5.0}}
    strong |= {"max_norm": {"max_norm": 1e-3}, "l1": {"alpha": 1e3, "l1_ratio": 1.0}}
    params = {"solver": "sgd", "learning_rate_init": 0.05, "max_iter": 300, "momentum": 0.0}
    y = 7.0 + X[:, 0]
    est = MLPRegressor((), random_state=0, **params, **strong[name]).fit(X, y)
    assert np.abs(est.coefs_[0]).max() < 0.2
    assert est.intercepts_[0][0] == pytest.approx(y.mean(), abs=0.05)


def test_peer_dropout_is_in_every_hidden_layer():
    """There was dropout before the last layer only."""
    X, y, _ = numbers()
    params = {"hidden_layer_sizes": (9, 9), "random_state": 0, "max_iter": 3}
    fits = [
        MLPRegressor(**params, dropout=rates).fit(X, y).coefs_
        for rates in ([0.0, 0.0], [0.5, 0.0], [0.0, 0.5], [0.5, 0.5], 0.5)
    ]
    assert same(fits[3], fits[4])
    for i in range(4):
        assert not any(same(fits[i], other) for other in fits[:i])


@both
def test_peer_rows_with_missing_features_are_not_dropped(cls):
    """They were left out without a word."""
    X, y = problem("binary")
    X[3, 1] = np.nan
    with pytest.raises(ValueError, match="X contains NaN"):
        cls().fit(X, y)


@pytest.mark.filterwarnings("ignore:Got `batch_size`:UserWarning")
@pytest.mark.parametrize("n", [41, 61])
@pytest.mark.parametrize("where", [True, "after", "input"])
def test_peer_last_batch_of_one_row_does_not_spoil_batch_norm(where, n):
    """The variance of a single row became NaN."""
    X, y, _ = numbers(n)
    params = {"batch_norm": where, "batch_size": 20, "max_iter": 10, "random_state": 0}
    est = MLPRegressor((9,), **params).fit(X, y)
    assert np.isfinite(est.loss_curve_).all()
    assert np.isfinite(est.predict(X)).all()
    assert np.isfinite(est.partial_fit(X[:1], y[:1]).predict(X)).all()


def test_peer_lbfgs_as_a_default_passes_the_check_of_probabilities():
    """Probabilities were exactly 0 and 1, and so failed a check of scikit-learn's."""
    check = estimator_checks.check_classifiers_multilabel_output_format_predict_proba
    check("MLPClassifier", MLPClassifier(solver="lbfgs"))
    X, y = problem("multilabel")
    p = MLPClassifier(solver="lbfgs", random_state=0).fit(X, y).predict_proba(100 * X)
    assert 0 < p.min() < p.max() < 1


@pytest.mark.filterwarnings("ignore:Got `batch_size`:UserWarning")
def test_peer_small_batches_need_no_rows_in_common_to_be_weighted():
    """With small batches weights and repeated rows gave other models, and one check failed.

    They still do where rows are shuffled into batches; a batch of all rows may be of any size.
    """
    check = estimator_checks.check_classifiers_one_label_sample_weights
    check("MLPClassifier", MLPClassifier(batch_size=5, max_iter=50))
    X, y, _ = numbers(300)
    weight = np.random.RandomState(0).randint(0, 4, 300)
    rows = np.repeat(np.arange(300), weight)
    params = {"max_iter": 20, "batch_size": 2_000, "random_state": 0}
    weighted = MLPRegressor((9,), **params).fit(X, y, weight)
    repeated = MLPRegressor((9,), **params).fit(X[rows], y[rows])
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-7)


def test_peer_one_class_has_one_column(in_sklearn):
    """With a single class there were two columns of arbitrary probabilities."""
    X, _ = problem("binary")

    def has_two(est):
        est.set_params(max_iter=3).fit(X, np.full(len(X), "only"))
        return est.predict_proba(X).shape[1] != len(est.classes_)

    assert not has_two(MLPClassifier(random_state=0))
    in_sklearn(has_two, "MLPClassifier")


@pytest.mark.parametrize("n_iter_no_change", [1, 4])
def test_peer_patience_is_documented_to_the_epoch(n_iter_no_change):
    """Training ends one epoch later than the name says: kept, and written down."""
    X, y, _ = numbers()
    est = MLPRegressor((9,), learning_rate_init=0.02, warm_start=True, random_state=0).fit(X, y)
    est.set_params(tol=1e9, n_iter_no_change=n_iter_no_change).fit(X, y)
    assert est.n_iter_ == n_iter_no_change + 2  # the first one is the best so far
    for cls in ESTIMATORS:
        assert "more than this many epochs in a row" in cls.__doc__


@both
def test_peer_validation_may_watch_the_loss(cls):
    """Early stopping knew accuracy and R² only, and kept no curve of the loss."""
    X, y = problem("binary", n=200)
    est = cls((5,), early_stopping=True, scoring="loss", max_iter=30, random_state=0).fit(X, y)
    np.testing.assert_array_equal(est.validation_scores_, np.negative(est.validation_loss_curve_))
    assert est.best_iter_ == int(np.argmin(est.validation_loss_curve_)) + 1
    silent = io.StringIO()
    with contextlib.redirect_stdout(silent):
        plain = cls((5,), early_stopping=True, max_iter=30, random_state=0).fit(X, y)
    assert len(plain.validation_loss_curve_) == plain.n_iter_
    assert silent.getvalue() == ""
