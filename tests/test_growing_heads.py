"""With `allow_new_classes` a fitted classifier gets units for new classes and keeps the others."""

import copy
import pickle

import numpy as np
import pytest
from trust import LONGEST_MESSAGE, estimator, first_partial_fit, outputs, problem, same, unchanged

from skmlp import MLPClassifier
from skmlp.solvers import Minibatch

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

#: A step too small to change any weight.
STILL = {"learning_rate_init": 1e-300, "max_iter": 1}

LOSSES = ["log_loss", "focal", "squared_hinge"]

X, THREE = problem("multiclass", n=90)


def network(**params):
    return estimator("multiclass", allow_new_classes=True, warm_start=True, **params)


def learnt(y, **params):
    """Return a classifier that has learnt something by `partial_fit`."""
    est = network(**params)
    for _ in range(3):
        est.partial_fit(X, y)
    return est


def still(est):
    """Return a copy whose further training changes nothing."""
    return copy.deepcopy(est).set_params(**STILL)


def of(names):
    """Return labels, each of which occurs."""
    codes = THREE if len(names) < 3 else np.arange(len(X))
    return np.array(list(names))[codes % len(names)]


def by_partial_fit(est, y, **data):
    return est.partial_fit(X, y, **data)


def by_fit(est, y):
    return est.fit(X, y)


def scores_by_class(est):
    z = est.decision_function(X)
    if z.ndim == 1:
        z = np.c_[-z if est.loss == "squared_hinge" else 0 * z, z]
    return dict(zip(est.classes_.tolist(), z.T, strict=True))


# -- what is kept ----------------------------------------------------------------------------


@pytest.mark.parametrize("train", [by_fit, by_partial_fit])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("bdf", "abdf"),
        ("bdf", "bdfg"),
        ("bdf", "abcdefg"),
        ("bdf", "xyz"),
        ("bd", "abd"),
        ("bd", "bcd"),
        ("bd", "e"),
    ],
)
def test_scores_of_known_classes_are_kept(before, after, loss, train):
    old = learnt(of(before), loss=loss)
    new = train(still(old), of(after))
    assert new.classes_.tolist() == sorted({*before, *after})
    mine, theirs = scores_by_class(new), scores_by_class(old)
    for label in before:
        np.testing.assert_allclose(mine[label], theirs[label], rtol=1e-12, atol=1e-14)
    assert same([new.coefs_[0], new.intercepts_[0]], [old.coefs_[0], old.intercepts_[0]])
    assert new.coefs_[1].shape == (7, len(new.classes_)) == (7, new.n_outputs_)
    for i, label in enumerate(new.classes_.tolist()):
        assert label in before or new.coefs_[1][:, i].all()


@pytest.mark.parametrize("loss", LOSSES)
def test_units_of_known_classes_are_kept_to_the_bit(loss):
    old = learnt(of("bdf"), loss=loss)
    new = still(old).partial_fit(X, of("abdf"))
    assert same(new.coefs_[1][:, 1:], old.coefs_[1])
    assert same(new.intercepts_[1][1:], old.intercepts_[1])


@pytest.mark.parametrize("loss", ["log_loss", "focal"])
def test_relative_probabilities_of_two_classes_are_kept(loss):
    old = learnt(of("bd"), loss=loss)
    new = still(old).partial_fit(X, of("abcd"))
    q = new.predict_proba(X)[:, [1, 3]]
    np.testing.assert_allclose(
        q / q.sum(axis=1, keepdims=True), old.predict_proba(X), rtol=1e-10, atol=1e-14
    )


@pytest.mark.parametrize("params", [{"batch_norm": True}, {"feature_scaling": "standard"}], ids=str)
def test_other_layers_are_kept(params):
    old = learnt(THREE % 2, frozen_layers=[0], **params)
    new = still(old).fit(X, THREE)
    assert same(new.layer_params_, old.layer_params_)
    assert same(new.coefs_[0], old.coefs_[0])


def test_more_labels_a_row_are_kept():
    _, y = problem("multilabel", n=90)
    old = learnt(y[:, :2])
    new = still(old).partial_fit(X, y)
    assert same(new.predict_proba(X)[:, :2], old.predict_proba(X))
    assert new.classes_.tolist() == [0, 1, 2]


def test_columns_of_classes_grow_by_themselves():
    _, y = problem("class-columns", n=90)
    old = learnt(y)
    more = y.copy()
    more[:4] = [[-1, 0], [1, 5], [-1, 6], [2, 1]]
    new = still(old).partial_fit(X, more)
    assert [labels.tolist() for labels in new.classes_] == [[-1, 0, 1, 2], [0, 1, 5, 6]]
    for mine, theirs, own in zip(
        new.decision_function(X), old.decision_function(X), ([1, 2, 3], [0, 1]), strict=True
    ):
        assert same(np.ascontiguousarray(mine[:, own]), theirs)


# -- the optimizer ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"solver": s}
        for s in ("sgd", "adam", "adagrad", "adadelta", "rmsprop", "lion", "schedulefree", "rprop")
    ]
    + [{"average": True}, {"average": 0.9}, {"dtype": "float32"}, {"batch_norm": True}],
    ids=str,
)
@pytest.mark.parametrize("before", ["bdf", "bd"])
def test_state_of_known_units_is_kept_and_that_of_others_fresh(before, params, monkeypatch):
    old, states = learnt(of(before), **params), {}
    own, restore = old._resume["optimizer"], Minibatch.restore

    def watching(self, state):
        states.update(state=copy.deepcopy(state), fresh=copy.deepcopy(self.state()))
        restore(self, state)

    monkeypatch.setattr(Minibatch, "restore", watching)
    new = still(old).partial_fit(X, of("abcdf"))
    assert states["state"].keys() == own.keys()
    wide, narrow = (est._model.network.layout.views for est in (new, old))
    last = max(i for i, layer in enumerate(new._model.shapes) if "weight" in layer)
    for name, value in states["state"].items():
        if not isinstance(value, np.ndarray):
            assert value == own[name]
            continue
        mine, theirs, fresh = wide(value), narrow(own[name]), wide(states["fresh"][name])
        assert same(mine[:last], theirs[:last])
        units = [1, 3, 4] if before == "bdf" else [3]
        for key in ("weight", "bias"):
            assert np.array_equal(mine[last][key][..., units], theirs[last][key])
            rest = np.delete(mine[last][key], units, axis=-1)
            assert np.array_equal(rest, np.delete(fresh[last][key], units, axis=-1))


@pytest.mark.parametrize("solver", ["sgd", "adam", "schedulefree"])
def test_known_units_that_do_not_depend_on_others_go_on_as_if_nothing_were_new(solver):
    params = {"loss": "squared_hinge", "frozen_layers": [0], "shuffle": False, "alpha": 0.01}
    est = learnt(of("bdf"), solver=solver, **params)
    grown, kept = copy.deepcopy(est), copy.deepcopy(est)
    for _ in range(5):
        grown.partial_fit(X, of("bdf"), classes=["a", "e"])
        kept.partial_fit(X, of("bdf"))
    mine, theirs = scores_by_class(grown), scores_by_class(kept)
    assert list(mine) == list("abdef")
    for label in theirs:
        np.testing.assert_allclose(mine[label], theirs[label], rtol=1e-9)


@pytest.mark.parametrize("average", [True, 0.5])
def test_the_average_goes_on(average):
    params = {"frozen_layers": [0], "shuffle": False, "loss": "squared_hinge"}
    est = learnt(of("bdf"), average=average, **params)
    grown, kept = copy.deepcopy(est), copy.deepcopy(est)
    grown.partial_fit(X, of("bdf"), classes=["c"])
    kept.partial_fit(X, of("bdf"))
    for label, scores in scores_by_class(kept).items():
        np.testing.assert_allclose(scores_by_class(grown)[label], scores, rtol=1e-9)


# -- how classes become known ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "classes", "expected"),
    [
        ([0, 1, 2], None, [0, 1, 2]),
        ([0, 1, 1], [0, 1, 2], [0, 1, 2]),
        ([0, 1, 1], [3], [0, 1, 3]),
        ([5, 1, 1], [3, -1], [-1, 0, 1, 3, 5]),
        ([0, 0, 0], None, [0, 1]),
        ([0, 0, 0], [1, 0], [0, 1]),
        ([1.0, 2.0, 2.0], None, [0, 1, 2]),
    ],
)
def test_classes_are_those_known_given_and_seen(y, classes, expected):
    est = learnt(THREE % 2)
    est.partial_fit(X, np.array(y)[THREE], classes=classes)
    assert est.classes_.tolist() == expected
    width = 1 if len(expected) == 2 else len(expected)
    assert [w.shape for w in est.coefs_] == [(4, 7), (7, width)]
    assert est.predict_proba(X).shape == (90, len(expected))
    assert set(est.predict(X)) <= set(expected)


@pytest.mark.parametrize("classes", [None, ["a"], ["a", "b", "c"]])
def test_the_first_call_needs_no_classes(classes):
    est = network().partial_fit(X, of("ab"), classes=classes)
    assert est.classes_.tolist() == sorted({"a", "b", *(classes or [])})


def test_longer_labels_are_not_cut():
    est = learnt(of("ab"))
    est.partial_fit(X, np.array(["a", "longer"])[THREE % 2])
    assert est.classes_.tolist() == ["a", "b", "longer"]
    est.partial_fit(X, np.array(["b", "the longest"], dtype=object)[THREE % 2])
    assert est.classes_.tolist() == ["a", "b", "longer", "the longest"]


def test_classes_come_one_after_the_other():
    est = network(learning_rate_init=0.05)
    for k in range(1, 7):
        y = np.minimum(np.argsort(np.argsort(X[:, 0])) // 15, k - 1)
        est.partial_fit(X, y)
        assert est.classes_.tolist() == list(range(k))
    for _ in range(100):
        est.partial_fit(X, y)
    assert est.score(X, y) > 0.8


def test_a_network_of_one_class_gets_others():
    old = learnt(of("b"))
    for labels in ("ab", "bc", "abc"):
        new = still(old).partial_fit(X, of(labels))
        assert same(new.coefs_[0], old.coefs_[0])
        assert new.classes_.tolist() == list(labels)


def test_new_classes_are_learnt():
    params = {"learning_rate_init": 0.02, "max_iter": 100}
    est = network(**params).fit(X[THREE < 2], THREE[THREE < 2])
    assert est.score(X, THREE) < 0.75
    assert est.fit(X, THREE).score(X, THREE) > 0.9


def test_a_new_class_may_have_a_weight():
    est = learnt(of("ab"), class_weight={"a": 2.0})
    est.set_params(class_weight={"a": 2.0, "c": 0.0})
    assert est.partial_fit(X, of("abc")).classes_.tolist() == ["a", "b", "c"]


def test_a_fit_from_scratch_finds_its_own_classes():
    est = learnt(of("abc")).set_params(warm_start=False).fit(X, of("xy"))
    fresh = estimator("multiclass").fit(X, of("xy"))
    assert same(outputs(est, X), outputs(fresh, X))


# -- reproducible, in every kind of training ----------------------------------------------------


@pytest.mark.parametrize("seed", [0, None], ids=["int", "global"])
def test_growing_is_reproducible(seed):
    old, runs = learnt(of("ab"), random_state=seed), []
    for _ in range(2):
        np.random.seed(5)
        est = pickle.loads(pickle.dumps(old)).partial_fit(X, of("abcd"))
        runs.append(est.partial_fit(X, of("abcde")))
    assert same(*(outputs(est, X) for est in runs))
    assert same(*(est._resume["optimizer"] for est in runs))


def test_pickles_grow_alike():
    old = learnt(of("abc"))
    there = pickle.loads(pickle.dumps(old)).partial_fit(X, of("abcd"))
    back = pickle.loads(pickle.dumps(there)).partial_fit(X, of("abcd"))
    old.partial_fit(X, of("abcd")).partial_fit(X, of("abcd"))
    assert same(outputs(back, X), outputs(old, X))


@pytest.mark.parametrize(
    "params",
    [
        {"solver": "lbfgs"},
        {"solver": "sgd", "learning_rate": "adaptive"},
        {"early_stopping": True, "validation_fraction": 0.3},
        {"early_stopping": True, "validation_fraction": 0.3, "refit": True},
        {"average": True},
        {"dropout": 0.5},
        {"init": "unit_variance", "init_bias": "he5"},
        {"dtype": "float32"},
        {"max_norm": 1.0, "l1_ratio": 0.5},
        {"keep_checkpoints": 1},
        {"hidden_layer_sizes": ()},
    ],
    ids=str,
)
def test_every_kind_of_training_grows(params):
    est = network(**params).fit(X, of("bd"))
    est.fit(X, of("abd"))
    assert est.classes_.tolist() == list("abd")
    assert same(outputs(pickle.loads(pickle.dumps(est)), X), outputs(est, X))
    assert len(est.loss_curve_) == est.n_iter_


def test_the_solver_may_change_while_growing():
    est = learnt(of("ab"), average=True).set_params(solver="sgd", average=False)
    assert est.fit(X, of("abc")).classes_.tolist() == list("abc")


def test_patience_and_checkpoints_start_afresh():
    params = {"early_stopping": True, "keep_checkpoints": 1}
    est = network(**params)
    for _ in range(4):
        est.partial_fit(X, of("ab"), X_val=X, y_val=of("ab"))
    est.partial_fit(X, of("abc"), X_val=X, y_val=of("abc"))
    assert len(list(est.staged_predict(X))) == 1
    assert len(est.loss_curve_) == est.n_iter_ == 5
    pickle.loads(pickle.dumps(est)).partial_fit(X, of("abc"), X_val=X, y_val=of("abc"))


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["binary", "multiclass", "class-columns"])
def test_new_classes_are_refused_unless_allowed(task):
    data, y = problem(task)
    other = np.where(np.arange(len(y)) == 0, 9, y.T).T
    est = estimator(task, warm_start=True).fit(data, y)
    calls = [
        lambda: est.fit(data, other),
        lambda: est.partial_fit(data, other),
        lambda: est.partial_fit(data, y, classes=[0, 1, 2, 9]),
        lambda: first_partial_fit(estimator(task), data, other, classes=est.classes_),
    ]
    for call in calls:
        with unchanged(est, data), pytest.raises(ValueError, match="allow_new_classes") as caught:
            call()
        assert len(str(caught.value)) <= LONGEST_MESSAGE


@pytest.mark.parametrize(
    ("before", "y", "classes", "message"),
    [
        (of("ab"), THREE, None, "several types"),
        (THREE, of("ab"), None, "several types"),
        (THREE, THREE, ["a"], "several types"),
        (THREE, THREE, [0, "a"], "several types|label"),
        (THREE, THREE, [0.5], "label"),
        (THREE, THREE + 0.5, None, "label"),
        (THREE, np.c_[THREE, THREE], None, "one-dimensional"),
        (np.c_[THREE, THREE], THREE, None, "2 columns"),
        (np.c_[THREE, THREE], np.c_[THREE, THREE, THREE], None, "2 columns"),
        (np.c_[THREE, THREE], np.c_[THREE, THREE], [0, 1, 2, 3], "2 columns"),
        (1 * (X > 0), 1 * (X[:, :2] > 0), None, "4 columns"),
        (1 * (X > 0), 1 * (X > 0), [0, 1, 2, 3, 4], "classes"),
        (1 * (X > 0), 1 * (X > 0), [7], "classes"),
        (1 * (X > 0), THREE, None, "indicator"),
    ],
)
def test_what_are_no_classes_is_refused(before, y, classes, message):
    est = learnt(before)
    with unchanged(est, X), pytest.raises(ValueError, match=message):
        est.partial_fit(X, y, classes=classes)


def test_rows_to_validate_on_bring_no_classes():
    est = learnt(of("ab"))
    with unchanged(est, X), pytest.raises(ValueError, match="X_val"):
        est.partial_fit(X, of("ab"), X_val=X, y_val=of("abc"))


def test_a_failed_call_leaves_the_classes_as_they_were():
    est = learnt(of("ab"))
    est.set_params(hidden_layer_sizes=(8,))
    with unchanged(est, X), pytest.raises(ValueError, match="hidden_layer_sizes"):
        est.partial_fit(X, of("abc"))
    est.set_params(hidden_layer_sizes=(7,), solver="sgd", learning_rate_init=1e308, batch_size=9)
    with unchanged(est, X), pytest.raises(ValueError, match="non-finite"):
        est.partial_fit(X, of("abc"))


def test_the_flag_is_not_needed_once_classes_are_known():
    est = learnt(of("ab")).partial_fit(X, of("abc")).set_params(allow_new_classes=False)
    est.partial_fit(X, of("abc"), classes=["a", "b", "c"])
    assert isinstance(est, MLPClassifier)
