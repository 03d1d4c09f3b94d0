"""Every deliberate difference from scikit-learn, one test for each row of the page on migrating.

Each test shows what ours do and, where the page says how to get the old number, that this
gives scikit-learn's. A test that fails with a newer scikit-learn says that its row is out
of date.
"""

import copy
import math
import pickle
import re
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.neural_network
from scipy.special import expit, log_softmax, softmax
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.neural_network import _multilayer_perceptron as sklearn_mlp
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

import skmlp
from skmlp import MLPClassifier, MLPRegressor
from skmlp.estimators.training import interrupts, splitting

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning:sklearn"),
]

SMALL = {"hidden_layer_sizes": (8, 5), "random_state": 0, "max_iter": 20}

#: Then scikit-learn's networks take neither sample weights nor a loss.
BEFORE_1_7 = not has_fit_parameter(sklearn.neural_network.MLPRegressor, "sample_weight")

PAGE = Path(__file__).parent.parent / "docs" / "migrating.md"

both = pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])


def theirs(name, **params):
    """Return scikit-learn's estimator."""
    return getattr(sklearn.neural_network, name)(**{**SMALL, **params})


def ours(name, **params):
    """Return our estimator of the same name."""
    return getattr(skmlp, name)(**{**SMALL, **params})


def assert_same(expected, found):
    """Compare arrays, or lists of arrays, to 1e-9 of their largest number."""
    if isinstance(expected, list) and isinstance(expected[0], np.ndarray):
        assert len(expected) == len(found)
        for one, other in zip(expected, found, strict=True):
            assert_same(one, other)
        return
    expected, found = np.asarray(expected, float), np.asarray(found, float)
    largest = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * largest)


def assert_differ(expected, found):
    """Check that arrays of one shape are clearly not the same."""
    expected, found = np.asarray(expected, float), np.asarray(found, float)
    assert np.abs(expected - found).max() > 1e-4 * np.abs(expected).max()


# -- the loss --


def test_weighted_loss_is_averaged_by_weight(make_data, sample_weight):
    X, y = make_data("regression")
    still = {"learning_rate_init": 1e-300, "solver": "sgd", "max_iter": 1, "alpha": 0.0}
    for batch_size, compare in [(10, assert_differ), (len(X), assert_same)]:
        new = ours("MLPRegressor", batch_size=batch_size, **still)
        new.fit(X, y, sample_weight=sample_weight)
        expected = np.average(0.5 * (y - new.predict(X)) ** 2, weights=sample_weight)
        assert_same(expected, new.loss_)
        if not BEFORE_1_7:
            old = theirs("MLPRegressor", batch_size=batch_size, **still)
            compare(old.fit(X, y, sample_weight=sample_weight).loss_, new.loss_)


def test_squared_errors_of_several_targets_are_summed(make_data):
    X, y = make_data("multioutput")
    n_targets = y.shape[1]
    params = {"alpha": 0.0, "learning_rate_init": 0.05, "max_iter": 500}
    old = theirs("MLPRegressor", tol=0.01, **params).fit(X, y)
    new = ours("MLPRegressor", tol=0.01 * n_targets, **params).fit(X, y)
    assert_same(old.loss_curve_, np.divide(new.loss_curve_, n_targets))
    assert 1 < old.n_iter_ == new.n_iter_ < 500
    assert_same(old.coefs_, new.coefs_)


def test_lbfgs_fits_several_targets_with_a_value_that_belongs_to_its_gradient(
    make_data, monkeypatch
):
    X, y = make_data("multioutput")
    new = ours("MLPRegressor", solver="lbfgs", activation="tanh").fit(X, y)
    assert_differ(
        theirs("MLPRegressor", solver="lbfgs", activation="tanh").fit(X, y).loss_, new.loss_
    )

    def summed(y, predicted, sample_weight=None):
        return 0.5 * np.average(((y - predicted) ** 2).sum(axis=1), weights=sample_weight)

    monkeypatch.setitem(sklearn_mlp.LOSS_FUNCTIONS, "squared_error", summed)
    corrected = theirs("MLPRegressor", solver="lbfgs", activation="tanh").fit(X, y)
    np.testing.assert_allclose(corrected.loss_, new.loss_, rtol=1e-6)


def test_log_loss_is_not_capped():
    X, y = np.array([[1.0], [-1.0]]), np.array([0, 1])
    params = {"hidden_layer_sizes": (), "max_iter": 1, "solver": "sgd", "alpha": 0.0}
    params |= {"learning_rate_init": 1e-300}
    far = 1e3 * X
    new = ours("MLPClassifier", **params).fit(far, y)
    raw = new.decision_function(far)
    assert raw[0] > 100  # wrong by far
    assert_same(np.mean(np.logaddexp(0, raw) - y * raw), new.loss_)
    old = theirs("MLPClassifier", **params).fit(far, y)
    eps = np.finfo(float).eps
    assert_same(log_loss(y, np.clip(new.predict_proba(far)[:, 1], eps, 1 - eps)), old.loss_)


# -- the solvers --


def test_lbfgs_records_its_iterations(make_data):
    X, y = make_data("regression")
    new, old = (make("MLPRegressor", solver="lbfgs") for make in (ours, theirs))
    new.fit(X, y), old.fit(X, y)
    assert len(new.loss_curve_) == new.n_iter_ == old.n_iter_
    assert new.best_loss_ == min(new.loss_curve_)
    assert new.loss_ == new.loss_curve_[-1]
    np.testing.assert_allclose(old.loss_, new.loss_, rtol=1e-6)
    assert new.t_ == new.n_iter_ * len(X)


def test_lbfgs_stops_early(make_data):
    X, y = make_data("regression")
    params = {"solver": "lbfgs", "max_iter": 200, "tol": 0.0, "n_iter_no_change": 3}
    new = ours("MLPRegressor", early_stopping=True, **params).fit(X, y)
    assert new.n_iter_ < 100
    assert len(new.validation_scores_) == new.n_iter_
    assert new.best_validation_score_ == max(new.validation_scores_)
    params["max_iter"] = 20
    old = theirs("MLPRegressor", early_stopping=True, **params).fit(X, y)
    new = ours("MLPRegressor", early_stopping=False, **params).fit(X, y)
    np.testing.assert_allclose(old.predict(X), new.predict(X), rtol=1e-6)


def test_lbfgs_prints_its_iterations(make_data, capsys):
    X, y = make_data("regression")
    new = ours("MLPRegressor", solver="lbfgs", verbose=True, max_iter=3).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"Iteration {i}, loss = {v:.8f}" for i, v in enumerate(new.loss_curve_, 1)]


def test_lbfgs_that_meets_no_finite_value_fails(make_data):
    X, y = make_data("regression")
    with np.errstate(all="ignore"):
        old = theirs("MLPRegressor", solver="lbfgs").fit(1e300 * X, y)
    assert math.isnan(old.loss_)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        ours("MLPRegressor", solver="lbfgs").fit(1e300 * X, y)


@both
def test_lbfgs_has_no_partial_fit(name, make_data):
    assert not hasattr(ours(name, solver="lbfgs"), "partial_fit")
    X, y = make_data("binary")
    new = ours(name, solver="lbfgs", warm_start=True, max_iter=2).fit(X, y)
    before = new.loss_
    assert new.fit(X, y).loss_ < before


@pytest.mark.parametrize("schedule", ["invscaling", "adaptive"])
def test_adam_follows_the_schedule(schedule, make_data):
    X, y = make_data("regression")
    params = {"solver": "adam", "learning_rate": schedule, "tol": 0.1, "n_iter_no_change": 2}
    old = theirs("MLPRegressor", **params).fit(X, y)
    assert_differ(old.coefs_[0], ours("MLPRegressor", **params).fit(X, y).coefs_[0])
    params["learning_rate"] = "constant"
    assert_same(old.coefs_, ours("MLPRegressor", **params).fit(X, y).coefs_)


def test_divergence_ends_the_fit_at_once(make_data, capsys):
    X, y = make_data("regression")
    wild = {"solver": "sgd", "learning_rate_init": 1e6, "activation": "identity", "verbose": True}
    message = "^" + re.escape(
        "Solver produced non-finite parameter weights. The input data may contain large values "
        "and need to be preprocessed."
    )
    with pytest.raises(ValueError, match=message):
        theirs("MLPRegressor", **wild).fit(X, y)
    assert "Iteration 20" in capsys.readouterr().out
    with pytest.raises(ValueError, match=message):
        ours("MLPRegressor", **wild).fit(X, y)
    assert "Iteration 20" not in capsys.readouterr().out


def test_divergence_while_rows_are_held_out_keeps_the_best_weights(make_data):
    X, y = make_data("regression")
    wild = {"solver": "sgd", "learning_rate_init": 10.0, "activation": "identity"}
    wild |= {"early_stopping": True, "max_iter": 100}
    with np.errstate(invalid="ignore"):
        old = theirs("MLPRegressor", **wild).fit(X, y)
    assert old.n_iter_ == 100
    assert np.isnan(old.validation_scores_).sum() > 50
    new = ours("MLPRegressor", **wild)
    with pytest.warns(ConvergenceWarning, match="The best weights are kept"):
        new.fit(X, y)
    assert new.n_iter_ < 100
    assert math.isnan(new.validation_scores_[-1])
    assert all(np.isfinite(weights).all() for weights in new.coefs_)


def test_batch_without_weight_is_left_out(make_data):
    X, y = make_data("regression")
    weights = np.repeat([0.0, 1.0], [10, len(X) - 10])
    params = {"shuffle": False, "batch_size": 10}
    if not BEFORE_1_7:
        with pytest.raises(ZeroDivisionError):
            theirs("MLPRegressor", **params).fit(X, y, sample_weight=weights)
    new = ours("MLPRegressor", **params).fit(X, y, sample_weight=weights)
    rest = theirs("MLPRegressor", **params).fit(X[10:], y[10:])
    assert_same(rest.coefs_, new.coefs_)
    assert_same(rest.loss_curve_, new.loss_curve_)


@pytest.fixture
def interrupted(monkeypatch):
    """Return a function that fits, with Ctrl-C at the third line printed."""
    monkeypatch.setattr(interrupts, "_last", -math.inf)

    class Terminal:
        def __init__(self):
            self.lines = 0

        def write(self, text):
            self.lines += text.count("\n")
            if self.lines == 3:
                raise KeyboardInterrupt

        def flush(self):
            pass

    def fit(model, X, y):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", Terminal())
            return model.set_params(verbose=True).fit(X, y)

    return fit


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_first_interrupt_ends_the_fit_and_a_second_the_program(solver, make_data, interrupted):
    X, y = make_data("regression")
    new = ours("MLPRegressor", solver=solver)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        interrupted(new, X, y)
    assert new.n_iter_ == 3
    expected = ours("MLPRegressor", solver=solver, max_iter=3).fit(X, y)
    np.testing.assert_array_equal(expected.predict(X), new.predict(X))
    with pytest.raises(KeyboardInterrupt):
        interrupted(clone(new), X, y)


# -- early stopping --


@pytest.fixture
def held_out(monkeypatch):
    """Return a list to which each split adds the rows of X it held out."""
    rows = []
    split = splitting.train_test_split

    def spy(*arrays, **options):
        parts = split(*arrays, **options)
        rows.append(parts[1])
        return parts

    for module in (splitting, sklearn_mlp):
        monkeypatch.setattr(module, "train_test_split", spy)
    return rows


def test_held_out_rows_of_several_classes_are_stratified(held_out):
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((200, 2)), np.repeat(["a", "b", "c"], [150, 40, 10])
    for seed in range(5):
        ours("MLPClassifier", early_stopping=True, random_state=seed).fit(X, y)
    for rows in held_out:
        assert np.unique(y[rows], return_counts=True)[1].tolist() == [15, 4, 1]


@pytest.fixture
def strict_about_splits():
    """Turn the warnings about a split into errors, as the page says."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The validation set", category=UserWarning)
        yield


def test_class_too_small_to_divide_gives_a_plain_split(held_out):
    X, y = np.arange(60.0)[:, np.newaxis], np.repeat([0, 1], [59, 1])
    with pytest.raises(ValueError, match="The least populated class"):
        theirs("MLPClassifier", early_stopping=True).fit(X, y)
    new = ours("MLPClassifier", early_stopping=True)
    with pytest.warns(UserWarning, match="The validation set is not stratified"):
        new.fit(X, y)
    assert len(held_out[-1]) == 6
    assert len(new.validation_scores_) == new.n_iter_


@both
def test_too_few_rows_to_hold_out_give_the_training_loss(name):
    X, y = [[0.0], [1.0], [2.0]], [0, 1, 0]
    if not BEFORE_1_7:
        with pytest.raises(ValueError, match=r"validation set is too small|least populated"):
            theirs(name, early_stopping=True).fit(X, y)
    new = ours(name, early_stopping=True)
    with pytest.warns(UserWarning, match="The validation set is too small"):
        new.fit(X, y)
    assert new.validation_scores_ is None
    assert_same(ours(name).fit(X, y).loss_curve_, new.loss_curve_)


def test_few_rows_to_hold_out_give_the_training_loss(make_data):
    X, y = (values[:50] for values in make_data("regression"))
    assert len(theirs("MLPRegressor", early_stopping=True).fit(X, y).validation_scores_) > 0
    new = ours("MLPRegressor", early_stopping=True)
    with pytest.warns(UserWarning, match="too small: 5 of 50"):
        new.fit(X, y)
    assert_same(ours("MLPRegressor").fit(X, y).loss_curve_, new.loss_curve_)
    old = theirs("MLPRegressor", early_stopping=True, validation_fraction=0.2).fit(X, y)
    new.set_params(validation_fraction=0.2).fit(X, y)
    assert_same(old.validation_scores_, new.validation_scores_)


def test_network_that_predicts_a_constant_is_reported():
    X, _ = load_breast_cancer(return_X_y=True)
    models = [make("MLPRegressor", solver="sgd") for make in (theirs, ours)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        models[0].fit(X[:, 1:], X[:, 0])
    with pytest.warns(ConvergenceWarning, match="predicts the same for all rows"):
        models[1].fit(X[:, 1:], X[:, 0])
    assert_same(models[0].loss_curve_, models[1].loss_curve_)


def test_no_fit_ends_on_the_plateau_at_its_beginning():
    rng = np.random.RandomState(0)
    X = rng.standard_normal((60, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    params = {"activation": "logistic", "hidden_layer_sizes": (10, 10, 10), "max_iter": 200}
    old = theirs("MLPClassifier", **params).fit(X, y)
    assert old.n_iter_ < 100
    assert len(np.unique(old.predict(X))) == 1
    with pytest.warns(ConvergenceWarning):
        new = ours("MLPClassifier", **params).fit(X, y)
    assert new.n_iter_ == 200
    assert_same(old.loss_curve_, new.loss_curve_[: old.n_iter_])


@pytest.mark.parametrize("heavy", [True, False], ids=["held out", "trained on"])
def test_weight_on_one_side_of_the_split_gives_the_training_loss(heavy, make_data, held_out):
    X, y = make_data("regression")
    params = {"early_stopping": True, "shuffle": False}
    ours("MLPRegressor", **params).fit(X, y)
    weights = (np.isin(np.arange(len(X)), held_out[0]) == heavy).astype(float)
    if not BEFORE_1_7:
        with pytest.raises((ValueError, ZeroDivisionError)):
            theirs("MLPRegressor", **params).fit(X, y, sample_weight=weights)
    new = ours("MLPRegressor", **params)
    with pytest.warns(UserWarning, match="The validation set has all of the weight or none"):
        new.fit(X, y, sample_weight=weights)
    assert new.validation_scores_ is None
    plain = ours("MLPRegressor", shuffle=False).fit(X, y, sample_weight=weights)
    assert_same(plain.loss_curve_, new.loss_curve_)


@pytest.mark.parametrize("n_rows", [3, 60])
def test_warnings_about_a_split_can_be_made_errors(n_rows, strict_about_splits):
    X, y = np.arange(float(n_rows))[:, np.newaxis], np.repeat([0, 1], [n_rows - 1, 1])
    with pytest.raises(UserWarning, match="The validation set"):
        ours("MLPClassifier", early_stopping=True).fit(X, y)


# -- partial_fit --


@both
def test_partial_fit_shuffles_differently_each_call(name, make_data):
    X, y = make_data("binary")
    first = {"classes": [0, 1]} if name == "MLPClassifier" else {}
    old, new, same = (
        theirs(name, batch_size=16),
        ours(name, batch_size=16),
        ours(name, batch_size=16),
    )
    for _ in range(5):
        old.partial_fit(X, y, **first)
        new.partial_fit(X, y, **first)
        same.set_params(random_state=np.random.RandomState(0)).partial_fit(X, y, **first)
    assert_differ(old.coefs_[0], new.coefs_[0])
    assert_same(old.coefs_, same.coefs_)


def test_partial_fit_counts_its_epochs(make_data):
    X, y = make_data("regression")
    old, new = theirs("MLPRegressor"), ours("MLPRegressor")
    for _ in range(5):
        old.partial_fit(X, y)
        new.partial_fit(X, y)
    assert (old.n_iter_, new.n_iter_) == (1, 5)
    assert len(old.loss_curve_) == len(new.loss_curve_) == 5


@both
def test_partial_fit_goes_with_early_stopping(name, make_data):
    X, y = make_data("binary")
    new = ours(name, early_stopping=True).fit(X, y)
    scores = new.validation_scores_
    assert len(scores) == new.n_iter_
    new.partial_fit(X, y)
    plain = ours(name, warm_start=True, early_stopping=True)
    first = {"classes": [0, 1]} if name == "MLPClassifier" else {}
    plain.partial_fit(X, y, **first)
    assert_same(ours(name).partial_fit(X, y, **first).coefs_, plain.coefs_)


def test_partial_fit_compares_losses_after_a_fit_that_compared_scores(make_data, capsys):
    X, y = make_data("binary")
    new = ours("MLPClassifier", solver="sgd", learning_rate="adaptive", n_iter_no_change=2, tol=0.0)
    new.set_params(early_stopping=True, warm_start=True, max_iter=5).fit(X, y)
    new.set_params(verbose=True, shuffle=False)
    for _ in range(10):
        new.partial_fit(X, y)
    assert np.all(np.diff(new.loss_curve_[5:]) < 0)
    assert "did not improve" not in capsys.readouterr().out


def test_partial_fit_after_a_plain_fit_starts_the_optimizer_afresh(make_data):
    X, y = make_data("regression")
    old, new, kept = (
        theirs("MLPRegressor", shuffle=False),
        ours("MLPRegressor", shuffle=False),
        ours("MLPRegressor", shuffle=False, warm_start=True),
    )
    for model in (old, new, kept):
        model.fit(X, y).partial_fit(X, y)
    assert_differ(old.loss_curve_, [*new.loss_curve_[:-1], 0.0])
    assert_same(old.coefs_, kept.coefs_)
    assert np.abs(old.coefs_[0] - new.coefs_[0]).max() > 1e-4


def test_partial_fit_keeps_the_number_of_targets(make_data):
    X, y = make_data("multioutput")
    theirs("MLPRegressor").partial_fit(X, y).partial_fit(X, y[:, 0])
    new = ours("MLPRegressor").partial_fit(X, y)
    before = copy.deepcopy(new.coefs_)
    with pytest.raises(ValueError, match="fitted on 3"):
        new.partial_fit(X, y[:, 0])
    assert_same(before, new.coefs_)


def test_attributes_set_before_the_first_fit_are_ignored(make_data):
    X, y = make_data("regression")
    start = theirs("MLPRegressor", random_state=7).fit(X, y)
    params = {"solver": "sgd", "shuffle": False, "momentum": 0.5}
    old, new, set_later = (make("MLPRegressor", **params) for make in (theirs, ours, ours))
    vars(old).update({key: copy.deepcopy(v) for key, v in vars(start).items() if key.endswith("_")})
    vars(old).update(loss_curve_=[], t_=0, n_iter_=0, best_loss_=np.inf, _no_improvement_count=0)
    new.coefs_, new.intercepts_ = copy.deepcopy((start.coefs_, start.intercepts_))
    set_later.set_params(max_iter=1).fit(X, y)
    for name in ("coefs_", "intercepts_"):
        for array, values in zip(getattr(set_later, name), getattr(start, name), strict=True):
            array[...] = values
    for model in (old, new, set_later):
        model.partial_fit(X, y)
    assert_same(ours("MLPRegressor", **params).partial_fit(X, y).coefs_, new.coefs_)
    assert_same(old.coefs_, set_later.coefs_)


# -- warm start --


@pytest.mark.parametrize("params", [{}, {"early_stopping": True}], ids=str)
@pytest.mark.parametrize("schedule", ["constant", "adaptive"])
def test_warm_start_begins_a_new_search_for_the_end(schedule, params, make_data):
    X, y = make_data("regression")
    params = {**params, "warm_start": True, "max_iter": 1000, "solver": "sgd"}
    params |= {"learning_rate": schedule, "learning_rate_init": 0.02, "n_iter_no_change": 3}
    new = ours("MLPRegressor", **params).fit(X, y)
    assert 1 < new.n_iter_ < 1000
    new.fit(X, 3 * X[:, 0] - 2)
    assert new.n_iter_ > 20
    assert new.score(X, 3 * X[:, 0] - 2) > 0.9


@both
def test_warm_start_records_each_call_by_itself(name, make_data):
    X, y = make_data("binary")
    # Without memory of gradients and without shuffles the models are the same.
    params = {"warm_start": True, "shuffle": False, "solver": "sgd", "momentum": 0.0, "tol": 0.0}
    old, new = theirs(name, **params).fit(X, y), ours(name, **params).fit(X, y)
    curve = new.loss_curve_
    old.fit(X, y)
    new.fit(X, y)
    assert len(new.loss_curve_) == new.n_iter_ == 20
    assert_same(old.loss_curve_, curve + new.loss_curve_)
    assert_same(old.coefs_, new.coefs_)


@both
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_warm_start_goes_on_with_optimizer_and_random_stream(solver, name, make_data):
    X, y = make_data("binary")
    params = {"solver": solver, "batch_size": 16}
    new = ours(name, warm_start=True, max_iter=5, **params)
    for _ in range(4):
        new.fit(X, y)
    whole = ours(name, max_iter=20, **params).fit(X, y)
    for one, other in zip(whole.coefs_, new.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
    # The old number, for one more fit.
    old = theirs(name, warm_start=True, **params).fit(X, y).fit(X, y)
    fresh = ours(name, **params).fit(X, y).set_params(warm_start=True).fit(X, y)
    assert_same(old.coefs_, fresh.coefs_)


def test_warm_start_holds_out_the_same_rows(make_data, held_out):
    X, y = make_data("regression")
    params = {"warm_start": True, "early_stopping": True, "max_iter": 2}
    ours("MLPRegressor", **params).fit(X, y).fit(X, y)
    np.testing.assert_array_equal(held_out[0], held_out[1])
    theirs("MLPRegressor", **params).fit(X, y).fit(X, y)
    np.testing.assert_array_equal(held_out[2], X[held_out[0]])
    assert not np.array_equal(held_out[3], held_out[2])


def test_warm_start_takes_data_without_some_of_the_classes(make_data):
    X, y = make_data("multiclass")
    few = y < 2
    old, new = (make("MLPClassifier", warm_start=True).fit(X, y) for make in (theirs, ours))
    with pytest.raises(ValueError, match="same classes"):
        old.fit(X[few], y[few])
    assert new.fit(X[few], y[few]).classes_.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="classes not in"):
        new.fit(X, y + 1)


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_layer_sizes": (9, 5)},
        {"hidden_layer_sizes": (8,)},
        {"activation": "tanh"},
        {"loss": "poisson"},
        {"dtype": "float32"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_changed_architecture_is_refused(method, change, make_data):
    X, y = make_data("poisson")
    new = ours("MLPRegressor", warm_start=True).fit(X, y)
    before = copy.deepcopy(new.coefs_)
    (name,) = change
    with pytest.raises(ValueError, match=f"{name}=.* does not match the fitted network"):
        getattr(new.set_params(**change), method)(X, y)
    assert_same(before, new.coefs_)


def test_changed_solver_or_rate_takes_effect(make_data):
    X, y = make_data("regression")
    new = ours("MLPRegressor", solver="lbfgs", warm_start=True).fit(X, y)
    new.set_params(solver="adam", early_stopping=True).fit(X, y)
    assert len(new.loss_curve_) == len(new.validation_scores_) == new.n_iter_
    new.set_params(solver="sgd", learning_rate_init=1e-300)
    before = copy.deepcopy(new.coefs_)
    assert_same(before, new.partial_fit(X, y).coefs_)
    old = theirs("MLPRegressor").fit(X, y)
    before = copy.deepcopy(old.coefs_)
    old.set_params(solver="sgd", learning_rate_init=1e-300)
    assert_differ(before[0], old.partial_fit(X, y).coefs_[0])


# -- predictions --


def saturated(make_data, task):
    """Return both classifiers, fitted, and rows that saturate them."""
    X, y = make_data(task)
    models = [make("MLPClassifier", solver="sgd").fit(X, y) for make in (theirs, ours)]
    return *models, 1e4 * X


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_log_probabilities_are_finite(task, make_data):
    old, new, far = saturated(make_data, task)
    assert np.isfinite(new.predict_log_proba(far)).all()
    with np.errstate(all="ignore"):
        expected = old.predict_log_proba(far)
        assert not np.isfinite(expected).all()
        raw = new.decision_function(far)
        probabilities = softmax(raw, axis=1) if task == "multiclass" else expit(raw)
        probabilities = probabilities if raw.ndim == 2 else np.c_[1 - probabilities, probabilities]
        np.testing.assert_allclose(expected, np.log(probabilities), rtol=1e-6, atol=1e-9)
    if task == "multiclass":
        tiny = expected < -1
        np.testing.assert_allclose(
            log_softmax(raw, axis=1)[tiny], new.predict_log_proba(far)[tiny], rtol=1e-9
        )


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_probabilities_are_never_certain(task, make_data):
    old, new, far = saturated(make_data, task)
    certain = (old.predict_proba(far) == 0) | (old.predict_proba(far) == 1)
    assert certain.any()
    found = new.predict_proba(far)
    assert found.min() > 0
    assert found.max() < 1
    raw = new.decision_function(far)
    exact = softmax(raw, axis=1) if task == "multiclass" else expit(raw)
    exact = exact if exact.ndim == 2 else np.c_[1 - exact, exact]
    assert_same(old.predict_proba(far), exact)
    assert ((exact == 0) | (exact == 1)).any()


def test_one_class_has_one_column(make_data):
    X, _ = make_data("binary")
    y = np.full(len(X), "only")
    old, new = theirs("MLPClassifier").fit(X, y), ours("MLPClassifier").fit(X, y)
    np.testing.assert_array_equal(new.predict_proba(X), np.ones((len(X), 1)))
    np.testing.assert_array_equal(new.predict_log_proba(X), np.zeros((len(X), 1)))
    second = expit(new.decision_function(X))
    assert_same(old.predict_proba(X), np.column_stack([1 - second, second]))


def test_scores_before_the_softmax_are_public(make_data):
    X, y = make_data("multiclass")
    old, new = theirs("MLPClassifier").fit(X, y), ours("MLPClassifier").fit(X, y)
    assert not hasattr(old, "decision_function")
    assert_same(old.predict_proba(X), softmax(new.decision_function(X), axis=1))

    class WithoutScores(MLPClassifier):
        decision_function = None

    probabilities = [
        CalibratedClassifierCV(model, cv=3).fit(X, y).predict_proba(X)
        for model in (clone(old), clone(new), WithoutScores(**SMALL))
    ]
    assert_differ(probabilities[0], probabilities[1])
    assert_same(probabilities[0], probabilities[2])


def test_huge_rows_give_finite_predictions(make_data):
    X, y = make_data("multiclass")
    far = X / np.abs(X).max() * np.finfo(float).max
    params = {"learning_rate_init": 0.1}
    old, new = (make("MLPClassifier", **params).fit(X, y) for make in (theirs, ours))
    with np.errstate(invalid="ignore"):
        assert np.isnan(old.predict_proba(far)).any()
    assert np.isfinite(new.decision_function(far)).all()
    np.testing.assert_allclose(new.predict_proba(far).sum(axis=1), 1)


def test_huge_poisson_predictions_are_finite(make_data):
    X, y = make_data("poisson")
    found = ours("MLPRegressor", loss="poisson").fit(X, y).predict(1e5 * X)
    assert np.isfinite(found).all()
    largest = np.finfo(float).max
    assert found.max() > 0.999 * largest
    if not BEFORE_1_7:
        expected = theirs("MLPRegressor", loss="poisson").fit(X, y).predict(1e5 * X)
        assert np.isinf(expected).any()
        assert_same(np.minimum(expected, largest) / largest, found / largest)


def test_indicator_matrices_are_predicted_dense(make_data):
    X, y = make_data("multilabel")
    old, new = (make("MLPClassifier").fit(X, sp.csr_matrix(y)) for make in (theirs, ours))
    assert isinstance(new.predict(X), np.ndarray)
    assert (old.predict(X) != sp.csr_matrix(new.predict(X))).nnz == 0


def test_parameters_set_after_the_fit_change_no_prediction(make_data):
    X, y = make_data("regression")
    old, new = theirs("MLPRegressor").fit(X, y), ours("MLPRegressor").fit(X, y)
    before = old.predict(X)
    assert_same(before, new.set_params(activation="tanh").predict(X))
    assert_differ(before, old.set_params(activation="tanh").predict(X))


# -- types and data --


@both
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_everything_is_computed_in_one_type(solver, name, make_data):
    X, y = make_data("binary")
    single = X.astype(np.float32)
    new = ours(name, solver=solver).fit(single, y)
    assert {array.dtype for array in new.coefs_ + new.intercepts_} == {np.dtype(np.float32)}
    predict = new.predict_proba if name == "MLPClassifier" else new.predict
    assert predict(X).dtype == np.float32
    np.testing.assert_array_equal(predict(X), predict(single))
    double = ours(name, solver=solver, dtype="float64").fit(single, y)
    assert_same(ours(name, solver=solver).fit(single.astype(float), y).coefs_, double.coefs_)
    if solver == "lbfgs":
        assert theirs(name, solver=solver).fit(single, y).coefs_[0].dtype == np.float64


def test_columns_in_csc_are_converted_to_rows_once(make_data):
    X, y = make_data("regression")
    X = np.where(np.abs(X) > 0.7, X, 0.0)
    models = [
        ours("MLPRegressor", batch_size=16).fit(container(X), y)
        for container in (sp.csr_array, sp.csc_array)
    ]
    for one, other in zip(models[0].coefs_, models[1].coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
    old = theirs("MLPRegressor", batch_size=16).fit(sp.csc_array(X), y)
    assert_same(old.coefs_, models[1].coefs_)


@pytest.mark.parametrize("container", [sp.csr_array, sp.csc_array])
def test_sparse_rows_that_point_outside_are_refused(container, make_data):
    X, y = make_data("regression")
    bad = container(X)
    bad.indices[3] = 10**6
    fitted = ours("MLPRegressor").fit(X, y)
    for use in (ours("MLPRegressor").fit, fitted.fit, fitted.partial_fit):
        with pytest.raises(ValueError, match="invalid structure"):
            use(bad, y)
    with pytest.raises(ValueError, match="invalid structure"):
        fitted.predict(bad)


@pytest.mark.parametrize("which", [slice(None), slice(1)])
def test_negative_weights_are_refused(which, make_data):
    X, y = make_data("regression")
    weights = np.ones(len(X))
    weights[which] = -1.0
    if not BEFORE_1_7:
        theirs("MLPRegressor").fit(X, y, sample_weight=weights)
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        ours("MLPRegressor").fit(X, y, sample_weight=weights)


def test_negative_poisson_targets_are_refused(make_data):
    X, y = make_data("regression")
    with pytest.raises(ValueError, match="y has the value -"):
        ours("MLPRegressor", loss="poisson").fit(X, y)


@pytest.mark.parametrize("name", ["alpha", "max_iter", "batch_size", "tol", "hidden_layer_sizes"])
def test_truth_values_are_not_numbers(name, make_data):
    X, y = make_data("regression")
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MLPRegressor must be"):
        ours("MLPRegressor", **{name: True}).fit(X, y)
    assert ours("MLPRegressor", **{name: int(True)}).fit(X, y).n_iter_ >= 1


# -- objects --


def test_widths_are_the_first_argument_of_both():
    assert MLPRegressor((5,)).hidden_layer_sizes == MLPClassifier((5,)).hidden_layer_sizes == (5,)
    if not BEFORE_1_7:
        assert sklearn.neural_network.MLPRegressor("poisson").loss == "poisson"
    assert MLPRegressor(loss="poisson").loss == "poisson"


def test_columns_of_classes_are_learnt(make_data):
    X, y = make_data("multiclass")
    columns = np.column_stack([y, y > 0])
    assert ours("MLPClassifier").fit(X, columns).predict(X).shape == columns.shape
    with pytest.raises(ValueError, match=r"(?i)multioutput"):
        theirs("MLPClassifier").fit(X, columns)


def test_unknown_targets_are_left_out(make_data):
    X, y = make_data("multioutput")
    y = np.where(np.arange(y.size).reshape(y.shape) % 7 == 0, np.nan, y)
    assert np.isfinite(ours("MLPRegressor").fit(X, y).predict(X)).all()
    with pytest.raises(ValueError, match="NaN"):
        theirs("MLPRegressor").fit(X, y)


@both
def test_there_are_more_parameters(name):
    params, known = ours(name).get_params(), theirs(name).get_params()
    assert params["dtype"] == "auto"
    assert params["dropout"] == 0.0
    assert params.keys() > known.keys()
    shared = {key: params[key] for key in known}
    assert theirs(name, **shared).get_params() == shared == known


def test_tags_tell_of_several_targets_and_of_counts():
    assert get_tags(ours("MLPRegressor")).target_tags.multi_output
    assert not get_tags(theirs("MLPRegressor")).target_tags.multi_output
    assert get_tags(ours("MLPRegressor", loss="poisson")).target_tags.positive_only


def test_failed_fit_leaves_the_model_as_it_was(make_data):
    X, y = make_data("regression")
    models = [make("MLPRegressor").fit(X, y) for make in (theirs, ours)]
    before = models[1].predict(X)
    for model in models:
        with pytest.raises(ValueError, match="non-finite"):
            model.fit(1e200 * X, y)
    assert np.isnan(models[0].predict(X)).all()
    assert_same(before, models[1].predict(X))
    new = ours("MLPRegressor")
    with pytest.raises(ValueError, match="non-finite"):
        new.fit(1e200 * X, y)
    with pytest.raises(sklearn.exceptions.NotFittedError):
        new.predict(X)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_no_numpy_warning_or_error_gets_out(solver, make_data):
    X, y = make_data("multiclass")
    expected = ours("MLPClassifier", solver=solver).fit(X, y)
    old = theirs("MLPClassifier", solver=solver).fit(X, y)
    with np.errstate(all="raise"):
        with pytest.raises(FloatingPointError):
            old.predict_proba(1e5 * X)
        new = ours("MLPClassifier", solver=solver).fit(X, y)
        found = new.predict_log_proba(1e5 * X)
    assert_same(expected.coefs_, new.coefs_)
    np.testing.assert_array_equal(expected.predict_log_proba(1e5 * X), found)


def test_pickle_of_a_plain_fit_holds_the_weights_only():
    X, y = make_regression(200, 50, random_state=0)
    sizes = {}
    for make in (theirs, ours):
        model = make("MLPRegressor", hidden_layer_sizes=(200, 200), max_iter=2).fit(X, y)
        sizes[make] = len(pickle.dumps(model)) / sum(w.nbytes for w in model.coefs_)
    assert sizes[ours] < 1.1
    assert sizes[theirs] > 3.5
    kept = ours("MLPRegressor", hidden_layer_sizes=(200, 200), max_iter=2, warm_start=True)
    kept.fit(X, y)
    again = pickle.loads(pickle.dumps(kept)).fit(X, y)
    assert_same(kept.fit(X, y).coefs_, again.coefs_)


def test_pickled_weights_are_checked(make_data):
    X, y = make_data("regression")
    models = [make("MLPRegressor").fit(X, y) for make in (theirs, ours)]
    for model in models:
        model.coefs_[0][0, 0] = np.nan
    pickle.loads(pickle.dumps(models[0]))
    with pytest.raises(ValueError, match="finite numbers"):
        pickle.loads(pickle.dumps(models[1]))


# -- the page --


def rows_of_the_page():
    """Return the cells of each row of the tables, headings left out."""
    rows = re.findall(r"^\|(.+)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    return [row for row in cells if row[-1].startswith("`test_")]


def test_page_has_one_row_for_each_test_and_one_test_for_each_row():
    documented = [row[-1].strip("`") for row in rows_of_the_page()]
    here = [name for name in globals() if re.match(r"test_(?!page_)", name)]
    assert sorted(documented) == sorted(here)


def test_page_says_what_why_and_how_in_each_row():
    for row in rows_of_the_page():
        assert len(row) == 4, row
        assert all(row), row
