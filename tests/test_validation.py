"""Validation rows: given, split off or drawn; scored, decisive, and trained on in the end."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_iris,
    make_multilabel_classification,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer, log_loss, mean_squared_error
from sklearn.model_selection import (
    GridSearchCV,
    GroupShuffleSplit,
    PredefinedSplit,
    ShuffleSplit,
    TimeSeriesSplit,
    cross_val_score,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from trust import estimator, problem, same

from skmlp import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SOLVERS = ["sgd", "adam", "lbfgs"]
LONG = {"n_iter_no_change": 10**6, "tol": 0.0}


def halves(task, n=120, **options):
    """Return rows to train on and rows to validate on."""
    X, y = problem(task, n=n, **options)
    return X[::2], y[::2], X[1::2], y[1::2]


def named(X):
    """Return a frame with names."""
    return pd.DataFrame(X).add_prefix("x")


def fitted(est):
    """Return all that was learned."""
    return [*est.coefs_, *est.intercepts_, *(v for p in est.layer_params_ for v in p.values())]


# -- rows that are passed in ---------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
def test_rows_that_decide_give_the_weights_of_the_best_epoch(task, solver):
    X, y, X_val, y_val = halves(task)
    params = {"solver": solver, "batch_size": 20, "learning_rate_init": 0.02, **LONG}
    est = estimator(task, early_stopping=True, max_iter=15, **params)
    est.fit(X, y, X_val=X_val, y_val=y_val)
    scores = est.validation_scores_
    assert len(scores) == len(est.validation_loss_curve_) == est.n_iter_
    assert est.best_iter_ == 1 + int(np.argmax(scores))
    assert est.best_validation_score_ == max(scores)
    assert est.score(X_val, y_val) == pytest.approx(max(scores), abs=1e-12)
    shorter = estimator(task, max_iter=est.best_iter_, **params).fit(X, y)
    assert same(fitted(est), fitted(shorter))


@pytest.mark.parametrize("solver", SOLVERS)
def test_rows_that_do_not_decide_change_nothing(solver):
    X, y, X_val, y_val = halves("multiclass")
    plain = estimator("multiclass", solver=solver, max_iter=8).fit(X, y)
    watched = estimator("multiclass", solver=solver, max_iter=8)
    watched.fit(X, y, X_val=X_val, y_val=y_val)
    assert same(fitted(plain), fitted(watched))
    assert len(watched.validation_scores_) == watched.n_iter_ == watched.best_iter_
    assert plain.validation_scores_ is plain.validation_loss_curve_ is None
    assert watched.best_loss_ == plain.best_loss_


def test_validation_loss_is_the_mean_loss_of_the_rows():
    X, y, X_val, y_val = halves("multiclass")
    weight = np.random.RandomState(0).rand(len(y_val))
    for given in (None, weight):
        est = estimator("multiclass", max_iter=4, alpha=10.0)
        est.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=given)
        expected = log_loss(y_val, est.predict_proba(X_val), sample_weight=given)
        assert est.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-9)
        expected = est.score(X_val, y_val, given)
        assert est.validation_scores_[-1] == pytest.approx(expected, rel=1e-12)


def test_validation_loss_of_more_rows_than_a_chunk_has():
    rng = np.random.RandomState(0)
    X, y = rng.standard_normal((9000, 2)), rng.standard_normal((9000, 3))
    weight = rng.rand(9000) * (np.arange(9000) > 5000)
    est = MLPRegressor((4,), max_iter=2, random_state=0)
    est.fit(X[:50], y[:50], X_val=X, y_val=y, sample_weight_val=weight)
    expected = 1.5 * mean_squared_error(y, est.predict(X), sample_weight=weight)
    assert est.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-10)


def test_class_weights_learned_from_the_training_rows_count_in_validation():
    X, y, X_val, y_val = halves("binary")
    balance = {c: len(y) / (2 * np.sum(y == c)) for c in np.unique(y)}
    est = estimator("binary", max_iter=3, class_weight="balanced")
    est.fit(X, y, X_val=X_val[:20], y_val=y_val[:20])
    weight = [balance[label] for label in y_val[:20]]
    expected = est.score(X_val[:20], y_val[:20], weight)
    assert est.validation_scores_[-1] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("container", [csr_array, named, np.asfortranarray, np.float32])
def test_rows_of_any_container(container):
    X, y, X_val, y_val = halves("multiclass")
    dense = estimator("multiclass", early_stopping=True, max_iter=5, dtype="float64")
    dense.fit(X.astype(np.float32), y, X_val=X_val.astype(np.float32), y_val=y_val)
    other = estimator("multiclass", early_stopping=True, max_iter=5, dtype="float64")
    X, X_val = X.astype(np.float32), X_val.astype(np.float32)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*feature names.*")
        other.fit(container(X), y, X_val=container(X_val), y_val=y_val)
    np.testing.assert_allclose(other.validation_loss_curve_, dense.validation_loss_curve_, 1e-12)


@pytest.mark.parametrize("scaling", ["standard", StandardScaler()])
def test_rows_are_scaled_as_those_trained_on(scaling):
    X, y, X_val, y_val = halves("regression")
    est = estimator("regression", max_iter=3, feature_scaling=scaling, target_scaling="standard")
    est.fit(X * 100, y * 7 + 3, X_val=X_val * 100, y_val=y_val * 7 + 3)
    assert est.validation_scores_[-1] == pytest.approx(est.score(X_val * 100, y_val * 7 + 3))


def test_pipeline_transforms_the_rows_by_routing():
    X, y, X_val, y_val = halves("multiclass")
    with config_context(enable_metadata_routing=True):
        net = estimator("multiclass", early_stopping=True, max_iter=5)
        net.set_fit_request(X_val=True, y_val=True)
        model = Pipeline([("s", StandardScaler()), ("net", net)], transform_input=["X_val"])
        model.fit(X * 50, y, X_val=X_val * 50, y_val=y_val)
    scaler = StandardScaler().fit(X * 50)
    plain = estimator("multiclass", early_stopping=True, max_iter=5).fit(
        scaler.transform(X * 50), y, X_val=scaler.transform(X_val * 50), y_val=y_val
    )
    assert model["net"].validation_scores_ == plain.validation_scores_


def test_search_with_rows_of_its_own():
    X, y, X_val, y_val = halves("multiclass")
    search = GridSearchCV(
        estimator("multiclass", early_stopping=True, max_iter=5), {"alpha": [0.0, 1.0]}, cv=2
    )
    search.fit(X, y, X_val=X_val, y_val=y_val)
    assert len(search.best_estimator_.validation_scores_) == search.best_estimator_.n_iter_


# -- scores --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "scoring"),
    [
        ("multiclass", "neg_log_loss"),
        ("multiclass", "balanced_accuracy"),
        ("binary", "roc_auc"),
        ("multilabel", "f1_macro"),
        ("regression", "neg_mean_absolute_error"),
    ],
)
def test_score_is_that_of_the_named_scorer(task, scoring):
    X, y, X_val, y_val = halves(task)
    est = estimator(task, scoring=scoring, early_stopping=True, max_iter=6, **LONG)
    est.fit(X, y, X_val=X_val, y_val=y_val)
    expected = get_scorer(scoring)(est, X_val, y_val)
    assert est.best_validation_score_ == pytest.approx(expected, rel=1e-9)


def test_scorer_gets_rows_as_they_were_passed_in():
    seen = []

    def scorer(model, X, y):
        seen.append((X, y))
        assert model.predict(X).shape == y.shape
        return float(len(seen))

    X, y = load_iris(return_X_y=True, as_frame=True)
    y = y.map({0: "a", 1: "b", 2: "c"})
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*feature names.*")
        est = MLPClassifier((5,), max_iter=4, early_stopping=True, scoring=scorer, random_state=0)
        est.fit(X, y)
    assert est.validation_scores_ == [1.0, 2.0, 3.0, 4.0]
    frame, labels = seen[0]
    assert list(frame.columns) == list(X.columns)
    assert len(frame) == 15
    assert labels.isin(["a", "b", "c"]).all()
    assert labels.equals(y[labels.index])


def test_scorer_gets_the_weights_of_the_rows():
    def scorer(model, X, y, sample_weight=None):
        return float(np.sum(sample_weight))

    X, y, X_val, y_val = halves("binary")
    est = estimator("binary", scoring=scorer, max_iter=1, early_stopping=True)
    est.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=np.full(len(y_val), 3.0))
    assert est.validation_scores_ == [3.0 * len(y_val)]
    held_out = estimator("binary", scoring=scorer, max_iter=1, early_stopping=True)
    held_out.fit(X, y, np.full(len(y), 2.0))
    assert held_out.validation_scores_ == [2.0 * math.ceil(0.1 * len(y))]


def test_loss_as_the_score_is_minus_the_validation_loss():
    X, y = problem("regression", n=100)
    est = estimator("regression", scoring="loss", early_stopping=True, max_iter=10).fit(X, y)
    assert est.validation_scores_ == [-loss for loss in est.validation_loss_curve_]


# -- splits --------------------------------------------------------------------------


def test_splitter_decides_which_rows_are_held_out():
    X, y = problem("multiclass", n=90)
    fold = np.where(np.arange(90) % 3 == 0, 0, -1)
    split = estimator("multiclass", early_stopping=True, max_iter=6)
    split.set_params(validation_splitter=PredefinedSplit(fold)).fit(X, y)
    given = estimator("multiclass", early_stopping=True, max_iter=6)
    given.fit(X[fold < 0], y[fold < 0], X_val=X[fold == 0], y_val=y[fold == 0])
    assert split.validation_scores_ == given.validation_scores_
    np.testing.assert_allclose(split.coefs_[0], given.coefs_[0], rtol=1e-10)


def test_groups_stay_together():
    seen = []

    def scorer(model, X, y):
        seen.append(set(X[:, 0]))
        return 0.0

    rng = np.random.RandomState(0)
    groups = rng.randint(8, size=200)
    X = np.column_stack([groups, rng.standard_normal(200)])
    est = MLPRegressor((3,), max_iter=1, early_stopping=True, scoring=scorer)
    est.set_params(validation_splitter=GroupShuffleSplit(1, test_size=0.3, random_state=0))
    with config_context(enable_metadata_routing=True):
        model = make_pipeline(est.set_fit_request(groups=True))
        model.fit(X, X[:, 1], groups=groups)
    train, held_out = next(est.validation_splitter.split(X, None, groups))
    assert seen == [set(groups[held_out])]
    assert not seen[0] & set(groups[train])


def test_time_order_holds_out_the_last_rows():
    X, y = problem("regression", n=60)
    last = estimator("regression", early_stopping=True, max_iter=3, shuffle=False)
    last.set_params(validation_splitter=TimeSeriesSplit(2, test_size=20)).fit(X, y)
    given = estimator("regression", early_stopping=True, max_iter=3, shuffle=False)
    given.fit(X[:20], y[:20], X_val=X[20:40], y_val=y[20:40])
    assert last.validation_scores_ == given.validation_scores_


# -- what ends a training ------------------------------------------------------------


def test_the_last_of_tied_epochs_by_choice():
    X, y, X_val, y_val = halves("multiclass")
    best = {}
    for ties in ("first", "last"):
        est = estimator("multiclass", early_stopping=True, max_iter=6, best_of_ties=ties, **LONG)
        est.set_params(scoring=lambda model, X, y: 1.0)
        best[ties] = est.fit(X, y, X_val=X_val, y_val=y_val).best_iter_
    assert best == {"first": 1, "last": 6}


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_relative_tolerance_does_not_depend_on_the_scale(scale):
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    params = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "activation": "identity"}
    params |= {"hidden_layer_sizes": (), "init": "zeros", "init_output": "zeros", "max_iter": 500}
    n_iter = [
        MLPRegressor(**params, tol=1e-3, tol_mode="relative", random_state=0)
        .fit(X, y * factor)
        .n_iter_
        for factor in (1.0, scale)
    ]
    assert n_iter[0] == n_iter[1] < 500
    absolute = MLPRegressor(**params, tol=1e-3, random_state=0).fit(X, y * scale)
    assert absolute.n_iter_ != n_iter[0]


def test_time_limit_ends_the_training_after_an_epoch():
    X, y = problem("multiclass")
    est = estimator("multiclass", max_time=1e-9, max_iter=50).fit(X, y)
    assert (est.n_iter_, est.stopped_by_) == (1, "max_time")
    est = estimator("multiclass", max_time=1e9, max_iter=5).fit(X, y)
    assert (est.n_iter_, est.stopped_by_) == (5, "max_iter")


@pytest.mark.parametrize("solver", SOLVERS)
def test_what_ended_the_training(solver):
    X, y, X_val, y_val = halves("multiclass")

    def ended(**params):
        est = estimator("multiclass", solver=solver, **{"tol": 0.0, **params})
        return est.fit(X, y, X_val=X_val, y_val=y_val).stopped_by_

    assert ended(max_iter=3) == "max_iter"
    assert ended(max_iter=3000, tol=1e9, n_iter_no_change=2) == "tol"
    early = {"early_stopping": True, "scoring": lambda *args: 0.0, "n_iter_no_change": 2}
    assert ended(max_iter=300, tol=1e-9, **early) == "early_stopping"
    assert ended(max_iter=30, max_time=1e-9) == "max_time"


def test_lbfgs_says_which_limit_it_met():
    X, y = problem("multiclass")
    est = estimator("multiclass", solver="lbfgs", max_fun=3, max_iter=1000, tol=0.0).fit(X, y)
    assert est.stopped_by_ == "max_fun"


def test_a_network_whose_units_have_died_is_reported():
    X, _ = load_breast_cancer(return_X_y=True, as_frame=True)
    y = X.pop("mean radius")
    est = MLPRegressor(solver="sgd", random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"the same for all rows.*'worst area' has values"):
        est.fit(X, y)
    assert np.ptp(est.predict(X)) <= 1e-6 * np.abs(est.predict(X)).max()
    assert est.stopped_by_ == "tol"


def test_a_network_that_learns_or_has_nothing_to_learn_is_not_reported():
    X, y = problem("regression")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The network predicts the same")
        estimator("regression", tol=0.1, max_iter=200).fit(X, y)
        estimator("regression", tol=0.1, max_iter=200).fit(X, np.ones(len(y)))


# -- refit ---------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_refit_trains_on_all_rows_for_the_best_number_of_epochs(solver):
    X, y = problem("multiclass", n=100)
    params = {"solver": solver, "early_stopping": True, "max_iter": 12, **LONG}
    chosen = estimator("multiclass", **params).fit(X, y)
    refitted = estimator("multiclass", refit=True, **params).fit(X, y)
    plain = estimator("multiclass", solver=solver, max_iter=chosen.best_iter_, **LONG).fit(X, y)
    assert same(fitted(refitted), fitted(plain))
    assert refitted.loss_curve_ == plain.loss_curve_
    assert refitted.n_iter_ == refitted.best_iter_ == chosen.best_iter_
    assert refitted.validation_scores_ == chosen.validation_scores_
    assert refitted.stopped_by_ == chosen.stopped_by_


@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("weighted", [False, True])
def test_refit_includes_the_rows_that_were_passed_in(container, weighted):
    X, y, X_val, y_val = halves("regression")
    weight = np.linspace(0.5, 2, len(y)) if weighted else None
    est = estimator("regression", early_stopping=True, refit=True, max_iter=7)
    est.fit(container(X), y, weight, X_val=container(X_val), y_val=y_val)
    both = container(np.vstack([X, X_val]))
    weights = None if weight is None else np.concatenate([weight, np.ones(len(y_val))])
    plain = estimator("regression", max_iter=est.best_iter_)
    plain.fit(both, np.concatenate([y, y_val]), weights)
    assert same(fitted(est), fitted(plain))


def test_refit_keeps_the_schedule_of_the_whole_plan():
    X, y = problem("multiclass", n=100)
    params = {"learning_rate": "cosine", "max_iter": 10, "early_stopping": True, **LONG}
    chosen = estimator("multiclass", **params).fit(X, y)
    refitted = estimator("multiclass", refit=True, **params).fit(X, y)
    n = chosen.best_iter_ - 1  # the last step of an epoch is another share of it: 90 or 100 rows
    np.testing.assert_allclose(
        refitted.learning_rate_curve_[:n], chosen.learning_rate_curve_[:n], rtol=1e-12
    )


def test_refit_warns_of_no_more_than_the_training_before():
    X, y = problem("multiclass", n=100)
    est = estimator("multiclass", early_stopping=True, refit=True, max_iter=100)
    est.set_params(tol=1.0, n_iter_no_change=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        est.fit(X, y)
    assert est.stopped_by_ == "early_stopping"


# -- partial_fit ---------------------------------------------------------------------


def test_patience_is_carried_across_calls():
    X, y, X_val, y_val = halves("multiclass")
    scores = iter([0.1, 0.5, 0.4, 0.4, 0.4, 0.9, 0.0])
    est = estimator("multiclass", early_stopping=True, n_iter_no_change=2, tol=0.0)
    est.set_params(scoring=lambda model, X, y: next(scores))
    after = []
    for _ in range(7):
        est.partial_fit(X, y, classes=np.unique(y), X_val=X_val, y_val=y_val)
        after.append((est.stopped_by_, est.best_iter_, fitted(est)))
    assert [by for by, _, _ in after] == [None] * 4 + ["early_stopping", None, None]
    assert [best for _, best, _ in after] == [1, 2, 2, 2, 2, 6, 6]
    assert same(after[4][2], after[1][2])
    assert est.validation_scores_ == [0.1, 0.5, 0.4, 0.4, 0.4, 0.9, 0.0]
    assert est.best_validation_score_ == 0.9


def test_rows_of_an_earlier_fit_have_no_say_in_partial_fit():
    X, y, X_val, y_val = halves("multiclass")
    est = estimator("multiclass", early_stopping=True, warm_start=True, max_iter=5)
    est.set_params(scoring=lambda model, X, y: 1.0).fit(X, y)
    est.set_params(scoring=lambda model, X, y: 0.5)
    est.partial_fit(X, y, X_val=X_val, y_val=y_val)
    assert est.stopped_by_ is None
    assert est.best_iter_ == est.n_iter_


def test_partial_fit_without_rows_holds_out_none():
    X, y = problem("multiclass")
    est = estimator("multiclass", early_stopping=True)
    est.partial_fit(X, y, classes=np.unique(y))
    plain = estimator("multiclass").partial_fit(X, y, classes=np.unique(y))
    assert same(fitted(est), fitted(plain))
    assert est.validation_scores_ is None


# -- weights kept on the way ---------------------------------------------------------


@pytest.mark.parametrize("batch_norm", [False, True])
def test_staged_predictions_are_those_of_shorter_fits(batch_norm):
    X, y = problem("multiclass")
    params = {"batch_norm": batch_norm, "batch_size": 20, "average": 0.9}
    est = estimator("multiclass", max_iter=7, keep_checkpoints=3, **params).fit(X, y)
    assert est.checkpoint_epochs_ == [3, 6]
    stages = zip((3, 6), est.staged_predict(X), est.staged_predict_proba(X), strict=True)
    for n, labels, probabilities in stages:
        shorter = estimator("multiclass", max_iter=n, **params).fit(X, y)
        assert same(labels, shorter.predict(X))
        assert same(probabilities, shorter.predict_proba(X))


def test_staged_predictions_without_kept_weights_are_refused():
    X, y = problem("regression")
    est = estimator("regression").fit(X, y)
    with pytest.raises(ValueError, match="keep_checkpoints"):
        next(est.staged_predict(X))


def test_partial_fit_adds_to_the_kept_weights():
    X, y = problem("regression")
    est = estimator("regression", keep_checkpoints=2)
    for _ in range(5):
        est.partial_fit(X, y)
    assert est.checkpoint_epochs_ == [2, 4]
    assert len(list(est.staged_predict(X))) == 2


def test_scores_of_a_grid_are_those_of_single_fits():
    X, y = make_multilabel_classification(80, random_state=0)
    est = MLPClassifier((5,), max_iter=5, early_stopping=True, refit=True, random_state=0)
    assert len(cross_val_score(est, X, y, cv=ShuffleSplit(2, random_state=0))) == 2
