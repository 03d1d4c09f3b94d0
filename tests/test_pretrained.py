"""A new network takes over from another one what agrees, and nothing else."""

import copy
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn import neural_network
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from trust import (
    CLASSIFICATION,
    LONGEST_MESSAGE,
    TASKS,
    estimator,
    first_partial_fit,
    kind_of,
    outputs,
    problem,
    same,
    unchanged,
)

from skmlp import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

#: Steps too small to change any weight.
STILL = {"learning_rate_init": 1e-300, "max_iter": 1}

SIZES = (7, 5)


def learnt(task, X=None, y=None, **params):
    """Return a network that has learnt something."""
    data = problem(task) if X is None else (X, y)
    return estimator(task, hidden_layer_sizes=SIZES, **params).fit(*data)


def still(task, pretrained, **params):
    """Return an unfitted network, drawn otherwise, whose training changes nothing."""
    given = {"hidden_layer_sizes": SIZES, "random_state": 7, **STILL, **params}
    return estimator(task, pretrained=pretrained, **given)


def weights(est):
    """Return all learned numbers."""
    return [est.coefs_, est.intercepts_, est.layer_params_]


def as_dict(est, folder):
    return est.get_weights()


def as_path(est, folder):
    est.save_weights(folder / "weights.npz")
    return folder / "weights.npz"


def as_text(est, folder):
    return str(as_path(est, folder))


def as_frozen(est, folder):
    return FrozenEstimator(est)


GIVEN = [as_dict, as_path, as_text, as_frozen]


# -- everything agrees ------------------------------------------------------------------


@pytest.mark.parametrize("give", GIVEN)
@pytest.mark.parametrize("task", TASKS)
def test_the_whole_network_is_copied(task, give, tmp_path):
    X, y = problem(task)
    old = learnt(task)
    new = still(task, give(old, tmp_path)).fit(X, y)
    assert same(weights(new), weights(old))
    assert same(outputs(new, X), outputs(old, X))
    assert new.pretrained_layers_ == ["copied"] * 3


@pytest.mark.parametrize("task", sorted(set(TASKS) - {"class-columns", "quantiles"}))
def test_networks_of_scikit_learn_are_taken(task):
    if task == "poisson" and "loss" not in neural_network.MLPRegressor().get_params():
        pytest.skip("this scikit-learn has no Poisson loss")
    X, y = problem(task)
    kind = getattr(neural_network, kind_of(task).__name__)
    given = {"loss": "poisson"} if task == "poisson" else {}
    params = {"hidden_layer_sizes": SIZES, "activation": "tanh", "random_state": 0}
    old = kind(**params, max_iter=5, **given).fit(X, y)
    new = still(task, FrozenEstimator(old), activation="tanh").fit(X, y)
    assert same(weights(new), [old.coefs_, old.intercepts_, []])
    assert new.pretrained_layers_ == ["copied"] * 3
    np.testing.assert_allclose(new.predict(X), old.predict(X))


LAYERS = [
    {"batch_norm": True},
    {"batch_norm": "after"},
    {"batch_norm": "input"},
    {"batch_norm": "input_only"},
    {"layer_norm": True},
    {"activation": "prelu"},
    {"activation": ["tanh", "prelu"], "parametric_activation": True},
    {"feature_scaling": "standard"},
    {"feature_scaling": "smooth_clip", "batch_norm": "input", "layer_norm": True},
]


@pytest.mark.parametrize("params", LAYERS, ids=str)
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_what_goes_with_a_layer_goes_with_it(task, params):
    X, y = problem(task)
    old = learnt(task, **params)
    new = still(task, old.get_weights(), frozen_layers=[0, 1], **params).fit(2 * X + 1, y)
    assert same(weights(new), weights(old))
    assert same(outputs(new, X), outputs(old, X))


@pytest.mark.parametrize("params", [p for p in LAYERS if "batch_norm" in p], ids=str)
def test_statistics_of_batches_are_copied_and_go_on(params):
    X, y = problem("multiclass")
    old = learnt("multiclass", **params)
    new = still("multiclass", old.get_weights(), **params).fit(X, y)
    pairs = [
        (mine, other)
        for mine, other in zip(new.layer_params_, old.layer_params_, strict=True)
        if "count" in mine
    ]
    assert pairs
    for mine, other in pairs:
        assert same([mine["gamma"], mine["beta"]], [other["gamma"], other["beta"]])
        assert mine["count"] == other["count"] + 1


@pytest.mark.parametrize(
    "params",
    [
        {"solver": "sgd"},
        {"solver": "schedulefree"},
        {"average": True},
        {"average": 0.9},
        {"early_stopping": True},
        {"early_stopping": True, "refit": True},
        {"dropout": 0.5, "input_dropout": 0.2},
        {"init": "unit_variance", "init_bias": "he5"},
        {"batch_size": 7},
        {"dtype": "float64", "l1_ratio": 1.0},
    ],
    ids=str,
)
def test_every_kind_of_training_starts_from_it(params):
    X, y = problem("multiclass", n=200)
    old = learnt("multiclass")
    new = still("multiclass", old.get_weights(), **params).fit(X, y)
    assert same(weights(new), weights(old))


def test_lbfgs_starts_from_it():
    X, y = problem("regression")
    old = learnt("regression", solver="lbfgs", max_iter=30)
    new = still("regression", old.get_weights(), solver="lbfgs").fit(X, y)
    assert new.loss_curve_[0] <= old.loss_
    assert still("regression", None, solver="lbfgs").fit(X, y).loss_curve_[0] > 2 * old.loss_


@pytest.mark.parametrize("task", TASKS)
def test_partial_fit_starts_from_it(task):
    X, y = problem(task)
    old = learnt(task)
    new = first_partial_fit(still(task, old.get_weights()), X, y)
    assert same(weights(new), weights(old))


@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize(("before", "after"), [("float64", "float32"), ("float32", "float64")])
def test_numbers_get_the_type_of_the_network(task, before, after):
    X, y = problem(task)
    old = learnt(task, dtype=before)
    new = still(task, FrozenEstimator(old), dtype=after).fit(X, y)
    assert same(new.coefs_, [w.astype(after) for w in old.coefs_])


# -- the random stream -------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"dropout": 0.5},
        {"early_stopping": True},
        {"init": "unit_variance", "init_bias": "he5", "init_output": "unit_variance"},
    ],
    ids=str,
)
def test_the_random_stream_is_the_same(params):
    X, y = problem("multiclass", n=200)
    given = learnt("multiclass").get_weights()
    new, drawn = (
        still("multiclass", p, hidden_layer_sizes=(7, 6), warm_start=True, **params).fit(X, y)
        for p in (given, None)
    )
    assert new.pretrained_layers_ == ["copied", "drawn", "drawn"]
    assert same(new.coefs_[1:], drawn.coefs_[1:])
    for mine, theirs in zip(new.intercepts_[1:], drawn.intercepts_[1:], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-299)  # a step away from zero
    assert same(new._resume["rng"], drawn._resume["rng"])
    assert same(new._resume["noise"], drawn._resume["noise"])


# -- which layers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((7, 5), ["copied", "copied", "copied"]),
        ((7, 6), ["copied", "drawn", "drawn"]),
        ((7,), ["copied", "drawn"]),
        ((7, 5, 3), ["copied", "copied", "drawn", "drawn"]),
        ((6, 5), ["drawn", "drawn", "copied"]),
        ((7, 6, 5), ["copied", "drawn", "drawn", "copied"]),
    ],
)
def test_layers_of_the_same_shape_are_copied(sizes, expected):
    X, y = problem("multiclass")
    old = learnt("multiclass", batch_norm=True)
    params = {"hidden_layer_sizes": sizes, "batch_norm": True}
    new = still("multiclass", old.get_weights(), **params).fit(X, y)
    drawn = still("multiclass", None, **params).fit(X, y)
    assert new.pretrained_layers_ == expected
    others = [*range(len(sizes)), -1]
    for i, (j, what) in enumerate(zip(others, expected, strict=True)):
        origin = old.coefs_[j] if what == "copied" else drawn.coefs_[i]
        assert same(new.coefs_[i], origin)
        scale = (old if what == "copied" else drawn).layer_params_
        assert j == -1 or same(new.layer_params_[i]["gamma"], scale[j]["gamma"])


def test_linear_models_are_taken():
    X, y = problem("multiclass")
    old = learnt("multiclass").set_params(hidden_layer_sizes=()).fit(X, y)
    new = still("multiclass", old.get_weights(), hidden_layer_sizes=()).fit(X, y)
    assert same(weights(new), weights(old))
    with pytest.raises(ValueError, match=r"'pretrained'.*No layer"):
        still("multiclass", old.get_weights()).fit(X, y)


@pytest.mark.parametrize(
    ("task", "params", "other", "changes"),
    [
        ("regression", {}, "multi-output", {}),
        ("regression", {}, "poisson", {}),
        ("regression", {}, "regression", {"loss": "gaussian"}),
        ("multi-output", {}, "regression", {"loss": "gaussian"}),
        ("quantiles", {}, "quantiles", {"quantile": (0.2, 0.8)}),
        ("multiclass", {}, "regression", {}),
        ("regression", {}, "multiclass", {}),
        ("multi-output", {}, "binary", {}),
        ("multilabel", {}, "multiclass", {}),
        ("multiclass", {}, "class-columns", {}),
    ],
)
def test_the_output_layer_of_another_target_is_drawn(task, params, other, changes):
    X, y = problem(other)
    old = learnt(task, **params)
    new = still(other, old.get_weights(), **changes).fit(X, y)
    assert new.pretrained_layers_ == ["copied", "copied", "drawn"]
    assert same(new.coefs_[:2], old.coefs_[:2])
    assert same(new.coefs_[2], still(other, None, **changes).fit(X, y).coefs_[2])


@pytest.mark.parametrize("loss", ["absolute_error", "huber"])
def test_the_output_layer_of_another_loss_with_the_same_link_is_copied(loss):
    X, y = problem("regression")
    old = learnt("regression")
    new = still("regression", old.get_weights(), loss=loss).fit(X, y)
    assert same(outputs(new, X), outputs(old, X))


# -- classes -----------------------------------------------------------------------------

LOSSES = ["log_loss", "focal", "squared_hinge"]


def scores_by_class(est, X):
    """Return the raw scores of each class; those of two classes as 0 and z, or -z and z."""
    z = est.decision_function(X)
    if z.ndim == 1:
        first = -z if est.loss == "squared_hinge" else 0 * z
        z = np.c_[first, z]
    return dict(zip(est.classes_.tolist(), z.T, strict=True))


def difference(scores, a, b, loss):
    """Return what tells class b from class a."""
    return (scores[b] - scores[a]) / (2 if loss == "squared_hinge" else 1)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (["b", "d", "f"], ["b", "d", "f"], "copied"),
        (["b", "d", "f"], ["f", "b", "d"], "copied"),
        (["b", "d", "f"], ["a", "d", "f"], "matched"),
        (["b", "d", "f"], ["a", "b", "c", "d", "e", "f", "g"], "matched"),
        (["b", "d", "f"], ["x", "y", "d"], "matched"),
        (["b", "d"], ["a", "d", "b"], "matched"),
        (["b", "d"], ["a", "d", "e"], "matched"),
        ([1, 2, 3], [3.0, 1.0, 4.0], "matched"),
    ],
)
def test_units_of_shared_classes_are_kept(loss, before, after, expected):
    X, _ = problem("multiclass")
    old, new = labelled(X, loss, before), labelled(X, loss, after, before)
    assert new.pretrained_layers_ == ["copied", "copied", expected]
    mine, theirs = scores_by_class(new, X), scores_by_class(old, X)
    shared = [label for label in before if label in after]
    assert shared
    for label in shared:
        np.testing.assert_allclose(mine[label], theirs[label], rtol=1e-12, atol=1e-12)
    drawn = labelled(X, loss, after, before, pretrained=None)
    for i, label in enumerate(new.classes_.tolist()):
        assert label in before or same(new.coefs_[-1][:, i], drawn.coefs_[-1][:, i])


def labelled(X, loss, labels, before=None, **params):
    """Return a network fitted to labels; one that starts from one fitted to those before."""
    y = np.array(list(labels))[np.arange(len(X)) % len(labels)]
    if before is None:
        return learnt("multiclass", X, y, loss=loss)
    params = {"pretrained": labelled(X, loss, before).get_weights(), **params}
    return still("multiclass", loss=loss, **params).fit(X, y)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("before", "after"),
    [(["a", "b"], ["a", "b"]), (["a", "b", "c"], ["a", "c"]), (["a", "b", "c"], ["c", "b"])],
)
def test_one_unit_takes_the_difference_of_two(loss, before, after):
    X, _ = problem("multiclass")
    old, new = labelled(X, loss, before), labelled(X, loss, after, before)
    a, b = new.classes_.tolist()
    expected = difference(scores_by_class(old, X), a, b, loss)
    np.testing.assert_allclose(new.decision_function(X), expected, rtol=1e-12, atol=1e-12)
    assert new.pretrained_layers_[-1] == "copied"


def test_one_unit_with_one_known_class_takes_its_score():
    X, _ = problem("multiclass")
    old, new = (labelled(X, "log_loss", *given) for given in (["abc"], ["ax", "abc"]))
    drawn = labelled(X, "log_loss", "ax", "abc", pretrained=None)
    expected = drawn.coefs_[-1][:, 0] - old.coefs_[-1][:, 0]
    np.testing.assert_allclose(new.coefs_[-1][:, 0], expected)
    assert new.pretrained_layers_[-1] == "matched"


@pytest.mark.parametrize(
    ("before", "after"), [("abc", "xyz"), ("ab", "xyz"), ("abc", "xy"), ("a", "abc"), ("abc", "a")]
)
def test_units_of_other_classes_are_drawn(before, after):
    X, _ = problem("multiclass")
    new = labelled(X, "log_loss", after, before)
    drawn = labelled(X, "log_loss", after, before, pretrained=None)
    assert new.pretrained_layers_ == ["copied", "copied", "drawn"]
    assert same([new.coefs_[-1], new.intercepts_[-1]], [drawn.coefs_[-1], drawn.intercepts_[-1]])


def test_relative_probabilities_of_two_classes_are_the_same_among_more():
    X, _ = problem("multiclass")
    old, new = (labelled(X, "log_loss", *given) for given in (["bd"], ["abcd", "bd"]))
    p, q = old.predict_proba(X), new.predict_proba(X)[:, [1, 3]]
    np.testing.assert_allclose(q / q.sum(axis=1, keepdims=True), p, rtol=1e-12)


def test_labels_are_matched_by_their_number():
    X, y = problem("multilabel")
    old = learnt("multilabel", X, y[:, :2])
    new = still("multilabel", old.get_weights()).fit(X, y)
    assert same(new.predict_proba(X)[:, :2], old.predict_proba(X))
    assert new.pretrained_layers_[-1] == "matched"


def test_each_column_of_classes_is_matched_by_itself():
    X, y = problem("class-columns")
    old = learnt("class-columns")
    other = y + [[5, 1]] * (y == [[2, 1]])  # 0, 1, 7 in place of 0, 1, 2; 0, 2 in place of 0, 1
    new = still("class-columns", old.get_weights()).fit(X, other)
    mine, theirs = new.decision_function(X), old.decision_function(X)
    assert same(mine[0][:, :2], theirs[0][:, :2])
    assert same(mine[1][:, 0], theirs[1][:, 0])
    assert not np.allclose(mine[1][:, 1], theirs[1][:, 1])


# -- features ------------------------------------------------------------------------------

NAMES = ["a", "b", "c", "d"]


@pytest.mark.parametrize("params", [{}, *LAYERS], ids=str)
def test_features_are_matched_by_name(params):
    X, y = problem("multiclass")
    old = learnt("multiclass", pd.DataFrame(X, columns=NAMES), y, **params)
    frame = pd.DataFrame(X, columns=NAMES)[["c", "a", "d", "b"]]
    new = still("multiclass", old.get_weights(), frozen_layers=[0, 1], **params).fit(frame, y)
    expected = old.predict_proba(frame[NAMES])
    np.testing.assert_allclose(new.predict_proba(frame), expected, rtol=1e-10)
    assert new.pretrained_layers_ == ["copied"] * 3


@pytest.mark.parametrize("columns", [["x", "c", "a"], ["d", "y", "b", "a", "x", "c"], ["b"]])
@pytest.mark.parametrize("params", [{}, {"batch_norm": "input"}, {"feature_scaling": "robust"}])
def test_shared_features_are_kept_and_new_ones_drawn(columns, params):
    X, y = problem("multiclass")
    old = learnt("multiclass", pd.DataFrame(X, columns=NAMES), y, **params)
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(3 * rng.randn(len(X), len(columns)) + 1, columns=columns)
    new = still("multiclass", old.get_weights(), **params).fit(frame, y)
    drawn = still("multiclass", None, **params).fit(frame, y)
    rows = {n: old.coefs_[0][i] for i, n in enumerate(NAMES)}
    for i, name in enumerate(columns):
        assert same(new.coefs_[0][i], rows.get(name, drawn.coefs_[0][i]))
        for key in () if not params else ("gamma", "beta", "centre", "scale"):
            if key in new.layer_params_[0]:
                known = name in rows
                origin = (old if known else drawn).layer_params_[0][key]
                expected = origin[NAMES.index(name) if known else i]
                np.testing.assert_allclose(new.layer_params_[0][key][i], expected, atol=1e-300)
    assert same(new.intercepts_[0], old.intercepts_[0])
    complete = set(columns) <= set(NAMES)
    assert new.pretrained_layers_ == ["copied" if complete else "matched", "copied", "copied"]


def test_linear_models_are_matched_by_features_and_classes_at_once():
    X, y = problem("multiclass")
    params = {"hidden_layer_sizes": ()}
    old = estimator("multiclass", **params).fit(pd.DataFrame(X, columns=NAMES), y)
    frame, labels = pd.DataFrame(X[:, :3], columns=["d", "x", "a"]), y + 1
    new = still("multiclass", old.get_weights(), **params).fit(frame, labels)
    drawn = still("multiclass", None, **params).fit(frame, labels)
    expected = drawn.coefs_[0].copy()
    expected[np.ix_([0, 2], [0, 1])] = old.coefs_[0][np.ix_([3, 0], [1, 2])]
    assert same(new.coefs_[0], expected)


def test_without_names_in_both_features_are_matched_by_place():
    X, y = problem("multiclass")
    frame = pd.DataFrame(X, columns=NAMES)
    for first, then in [(X, frame), (frame, X), (X, X)]:
        old = learnt("multiclass", first, y)
        new = still("multiclass", old.get_weights()).fit(then, y)
        assert same(weights(new), weights(old))


@pytest.mark.parametrize("scaling", ["standard", "robust", "maxabs", "smooth_clip"])
def test_features_are_scaled_as_they_were(scaling):
    X, y = problem("regression")
    old = learnt("regression", feature_scaling=scaling)
    new = still("regression", old.get_weights(), feature_scaling=scaling)
    new.fit(100 * X[:5] - 3, y[:5])
    assert same(weights(new), weights(old))
    assert same(new._feature_statistics, old._feature_statistics)


@pytest.mark.parametrize("scaling", ["standard", "robust", "maxabs", "smooth_clip"])
def test_partial_fit_adds_its_rows_to_what_is_known_of_features(scaling):
    X, y = problem("regression")
    old = estimator("regression", feature_scaling=scaling).partial_fit(X[:20], y[:20])
    new = estimator("regression", feature_scaling=scaling, pretrained=old.get_weights())
    new.partial_fit(X[20:], y[20:])
    old.partial_fit(X[20:], y[20:])
    assert same(new._feature_statistics, old._feature_statistics)
    assert same(new.layer_params_, old.layer_params_)


def test_features_of_a_first_layer_that_is_drawn_are_measured():
    X, y = problem("regression")
    params = {"feature_scaling": "standard", "hidden_layer_sizes": (6, 5)}
    old = learnt("regression", feature_scaling="standard")
    new = still("regression", old.get_weights(), **params).fit(100 * X, y)
    np.testing.assert_allclose(new._feature_statistics["deviation"], 100 * X.std(axis=0))


def test_a_transformer_is_fitted_to_the_new_rows():
    X, y = problem("multiclass")
    params = {"feature_scaling": StandardScaler()}
    old = learnt("multiclass", **params)
    new = still("multiclass", FrozenEstimator(old), **params).fit(100 * X + 7, y)
    np.testing.assert_allclose(new.predict_proba(100 * X + 7), old.predict_proba(X), rtol=1e-8)


def test_targets_are_scaled_by_the_new_rows():
    X, y = problem("regression")
    params = {"target_scaling": "standard"}
    old = learnt("regression", **params)
    new = still("regression", old.get_weights(), **params).fit(X, 1000 * y + 5)
    np.testing.assert_allclose(new.predict(X), 1000 * old.predict(X) + 5, rtol=1e-8)


# -- scikit-learn's machinery --------------------------------------------------------------


@pytest.mark.parametrize("give", GIVEN)
def test_clones_and_pickles_start_from_it(give, tmp_path):
    X, y = problem("multiclass")
    old = learnt("multiclass")
    new = still("multiclass", give(old, tmp_path))
    for est in (clone(new), clone(clone(new)), pickle.loads(pickle.dumps(new)), copy.deepcopy(new)):
        assert same(weights(est.fit(X, y)), weights(old))
        assert same(weights(pickle.loads(pickle.dumps(est))), weights(old))
    assert new.get_params()["pretrained"] is new.pretrained


@pytest.mark.parametrize("give", GIVEN)
def test_grid_search_compares_it_with_others(give, tmp_path):
    X, y = problem("multiclass", n=90)
    params = {"max_iter": 100, "learning_rate_init": 0.01}
    old, other = (learnt("multiclass", X, (y + i) % 3, **params) for i in range(2))
    candidates = [None, give(other, tmp_path / "") if give is as_dict else as_dict(other, None)]
    grid = {"pretrained": [*candidates, give(old, tmp_path)], "alpha": [1e-4, 1e-2]}
    search = GridSearchCV(still("multiclass", None), grid, cv=2, error_score="raise").fit(X, y)
    scores = search.cv_results_["mean_test_score"].reshape(2, 3)
    assert (scores[:, 2] > 0.9).all()
    assert (scores[:, :2] < 0.6).all()
    assert search.best_estimator_.pretrained_layers_ == ["copied"] * 3


def test_it_is_a_parameter_of_a_step():
    X, y = problem("multiclass")
    old = learnt("multiclass")
    pipe = make_pipeline(StandardScaler(), still("multiclass", None))
    pipe.set_params(mlpclassifier__pretrained=FrozenEstimator(old)).fit(X, y)
    assert same(weights(pipe[-1]), weights(old))
    assert clone(pipe)[-1].pretrained.estimator is old


@pytest.mark.parametrize("give", GIVEN)
def test_it_is_left_as_it_was(give, tmp_path):
    X, y = problem("multiclass")
    old = learnt("multiclass", batch_norm=True, feature_scaling="standard")
    given, before = give(old, tmp_path), old.get_weights()
    copied = copy.deepcopy(given) if isinstance(given, dict) else None
    params = {"batch_norm": True, "feature_scaling": "standard"}
    new = estimator("multiclass", hidden_layer_sizes=SIZES, pretrained=given, **params).fit(X, y)
    assert not same(new.coefs_, old.coefs_)
    assert new.pretrained is given
    assert same(old.get_weights(), before)
    assert copied is None or same(copied, given)


def test_a_file_is_read_at_the_fit(tmp_path):
    X, y = problem("multiclass")
    first, second = learnt("multiclass"), learnt("multiclass", max_iter=9)
    path = as_path(first, tmp_path)
    new = still("multiclass", path).fit(X, y)
    assert same(weights(new), weights(first))
    second.save_weights(path)
    assert same(weights(new), weights(first))
    assert same(weights(new.fit(X, y)), weights(second))


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_warm_start_goes_on_from_its_own_weights(method, tmp_path):
    X, y = problem("multiclass")
    path = as_path(learnt("multiclass"), tmp_path)
    once = estimator(
        "multiclass", hidden_layer_sizes=SIZES, pretrained=path, warm_start=True, max_iter=4
    ).fit(X, y)
    parts = clone(once).set_params(max_iter=2).fit(X, y)
    path.unlink()
    if method == "partial_fit":
        parts.partial_fit(X, y)
    else:
        assert same(weights(parts.fit(X, y)), weights(once))
    assert parts.pretrained_layers_ == ["copied"] * 3


def test_a_fit_without_it_says_nothing_of_layers():
    X, y = problem("multiclass")
    new = still("multiclass", learnt("multiclass").get_weights()).fit(X, y)
    new.set_params(pretrained=None).fit(X, y)
    assert not hasattr(new, "pretrained_layers_")
    assert same(weights(new), weights(still("multiclass", None).fit(X, y)))


def test_frozen_layers_stay_as_they_were_learnt():
    X, y = problem("multiclass")
    old = learnt("multiclass", batch_norm=True)
    new = estimator(
        "multiclass",
        hidden_layer_sizes=SIZES,
        batch_norm=True,
        pretrained=old.get_weights(),
        frozen_layers=[0, 1],
        max_iter=20,
    ).fit(X, y[::-1])
    assert same([new.coefs_[:2], new.layer_params_], [old.coefs_[:2], old.layer_params_])
    assert not np.allclose(new.coefs_[2], old.coefs_[2])


def test_knowledge_is_of_use():
    X, _ = problem("regression", n=500)
    rng = np.random.RandomState(1)
    Z = np.tanh(X @ rng.randn(4, 6) * 2)
    targets = Z @ rng.randn(6, 2)
    params = {"hidden_layer_sizes": (40,), "max_iter": 300, "learning_rate_init": 0.01}
    old = MLPRegressor(**params, random_state=0).fit(X, targets[:, 0])
    few, rest = slice(0, 30), slice(30, None)
    scores = [
        MLPRegressor(**params, random_state=0, pretrained=given)
        .fit(X[few], targets[few, 0] + targets[few, 1] / 5)
        .score(X[rest], targets[rest, 0] + targets[rest, 1] / 5)
        for given in (old.get_weights(), None)
    ]
    assert scores[0] > scores[1] + 0.05


# -- what cannot be used -------------------------------------------------------------------


def changed(**changes):
    """Return a maker of weights, some of which are others."""

    def make(folder):
        given = learnt("multiclass", feature_scaling="standard").get_weights()
        return {**given, **{name: change(given[name]) for name, change in changes.items()}}

    return make


def without(name):
    def make(folder):
        given = learnt("multiclass").get_weights()
        del given[name]
        return given

    return make


def architecture(**changes):
    return changed(architecture=lambda own: {**own, **changes})


def file(content):
    def make(folder):
        path = folder / "file.npz"
        path.write_bytes(content)
        return path

    return make


def first(values, change):
    """Return a list whose first item is another."""
    return [change(values[0]), *values[1:]]


BAD = {
    "unfitted": (lambda _: FrozenEstimator(MLPClassifier()), "not fitted"),
    "unfitted scikit-learn": (
        lambda _: FrozenEstimator(neural_network.MLPClassifier()),
        "not fitted",
    ),
    "other estimator": (lambda _: FrozenEstimator(LogisticRegression()), "no MLPClassifier"),
    "pipeline": (lambda _: FrozenEstimator(make_pipeline(learnt("binary"))), "no MLPClassifier"),
    "class": (lambda _: FrozenEstimator(MLPClassifier), "is a class"),
    "bare estimator": (lambda _: learnt("multiclass"), "FrozenEstimator"),
    "missing file": (lambda folder: folder / "nowhere.npz", "nowhere"),
    "folder": (lambda folder: folder, "[Dd]irectory|folder"),
    "empty file": (file(b""), "file.npz"),
    "other file": (file(b"hello" * 100), "file.npz"),
    "empty dict": (lambda _: {}, "format"),
    "format": (changed(format=lambda _: 99), "format 99"),
    **{f"without {n}": (without(n), n) for n in ("coefs", "classes", "architecture", "n_features")},
    "NaN": (changed(coefs=lambda ws: first(ws, lambda w: w * np.nan)), r"coefs_\[0\].*finite"),
    "shape": (changed(coefs=lambda ws: first(ws, lambda w: w[:, 1:])), r"coefs_\[0\].*shape"),
    "layers": (changed(coefs=lambda ws: ws[1:]), "coefs_"),
    "text": (changed(coefs=lambda ws: first(ws, lambda w: w.astype(str))), "damaged|numbers"),
    "complex": (changed(coefs=lambda ws: first(ws, lambda w: w + 0j)), "damaged|numbers"),
    "objects": (changed(coefs=lambda ws: first(ws, lambda w: w.astype(object))), "damaged|numbers"),
    "None as weights": (changed(coefs=lambda _: None), "damaged|coefs"),
    "layer params": (changed(layer_params=lambda ps: []), "layer_params_"),
    "statistics": (changed(feature_statistics=lambda _: None), "damaged|statistics"),
    "other statistics": (
        changed(feature_statistics=lambda s: {**s, "mean": s["mean"][1:]}),
        "statistics",
    ),
    "more classes": (changed(classes=lambda c: np.arange(5)), "intercepts_|coefs_"),
    "a class twice": (changed(classes=lambda c: np.array([0, 1, 1])), "twice"),
    "names": (changed(feature_names=lambda _: ["a", "b"]), "features"),
    "unknown activation": (architecture(activation="softmax"), "activation"),
    "unknown kind": (architecture(target="ranking"), "target"),
    "unknown loss": (architecture(loss="mse"), "loss"),
    "unknown parameter": (architecture(hidden_layer_sizes=[0]), "hidden_layer_sizes"),
    "features": (
        lambda _: learnt("multiclass", *problem("multiclass", n_features=6)).get_weights(),
        "6 features.*4",
    ),
    "activation": (lambda _: learnt("multiclass", activation="tanh").get_weights(), "activation"),
    "batch_norm": (lambda _: learnt("multiclass", batch_norm=True).get_weights(), "batch_norm"),
    "layer_norm": (lambda _: learnt("multiclass", layer_norm=True).get_weights(), "layer_norm"),
    "scaling": (
        lambda _: learnt("multiclass", feature_scaling="standard").get_weights(),
        "feature_scaling",
    ),
    "transformer": (
        lambda _: FrozenEstimator(learnt("multiclass", feature_scaling=PCA(4))),
        "feature_scaling",
    ),
    "nothing agrees": (
        lambda _: (
            estimator("binary", hidden_layer_sizes=(3,)).fit(*problem("binary")).get_weights()
        ),
        "No layer",
    ),
}


@pytest.mark.parametrize("make", [make for make, _ in BAD.values()], ids=list(BAD))
def test_what_cannot_be_used_is_refused(make, tmp_path, request):
    X, y = problem("multiclass")
    given, (_, message) = make(tmp_path), BAD[request.node.callspec.id]
    for est in (still("multiclass", given), learnt("multiclass").set_params(pretrained=given)):
        for train in (est.fit, lambda X, y, est=est: first_partial_fit(clone(est), X, y)):
            with unchanged(est, X), pytest.raises(ValueError, match="'pretrained'") as caught:
                train(X, y)
            assert re.search(message, str(caught.value), re.DOTALL)
            assert len(str(caught.value)) <= LONGEST_MESSAGE


@pytest.mark.filterwarnings("error")
def test_numbers_too_large_for_the_type_are_refused():
    X, y = problem("multiclass")
    given = learnt("multiclass").get_weights()
    given["coefs"][0][0, 0] = 1e300
    with pytest.raises(ValueError, match=r"'pretrained'.*coefs_\[0\].*float32"):
        still("multiclass", given, dtype="float32").fit(X, y)


def test_features_with_no_name_in_common_are_refused():
    X, y = problem("multiclass")
    old = learnt("multiclass", pd.DataFrame(X, columns=NAMES), y)
    with pytest.raises(ValueError, match=r"'pretrained'.*\['a', 'b', 'c', 'd'\].*\['x'"):
        still("multiclass", old.get_weights()).fit(pd.DataFrame(X, columns=list("xyzw")), y)


def test_names_in_another_order_are_refused_where_a_transformer_hides_them():
    X, y = problem("multiclass")
    params = {"feature_scaling": PCA(4)}
    old = learnt("multiclass", pd.DataFrame(X, columns=NAMES), y, **params)
    new = still("multiclass", FrozenEstimator(old), **params)
    with pytest.raises(ValueError, match=r"'pretrained'.*transformer"):
        new.fit(pd.DataFrame(X, columns=NAMES[::-1]), y)
    new.fit(pd.DataFrame(X, columns=NAMES), y)


@pytest.mark.parametrize("task", CLASSIFICATION)
def test_other_parameters_of_a_warm_start_point_to_it(task):
    X, y = problem(task)
    est = learnt(task, warm_start=True).set_params(hidden_layer_sizes=(7, 6))
    with unchanged(est, X), pytest.raises(ValueError, match=r"hidden_layer_sizes.*pretrained"):
        est.fit(X, y)
    moved = clone(est).set_params(pretrained=est.get_weights()).fit(X, y)
    assert moved.pretrained_layers_ == ["copied", "drawn", "drawn"]
