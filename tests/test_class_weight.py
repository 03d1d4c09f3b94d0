"""Class weights: sample weights in another form, everywhere, with errors that change nothing."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.estimator_checks import check_class_weight_classifiers

from skmlp import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

GIVEN = {"b": 3.0, "c": 0.25}

#: Settings in which weights count in different places.
SETTINGS = {
    "plain": {},
    "sgd": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.01, "n_iter_no_change": 1},
    "lbfgs": {"solver": "lbfgs"},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.3},
    "lbfgs early stopping": {"solver": "lbfgs", "early_stopping": True},
    "batch norm": {"batch_norm": True},
    "batch norm of the input": {"batch_norm": "input", "early_stopping": True},
    "l1": {"l1_ratio": 0.5, "alpha": 3.0},
    "group l1": {"input_group_l1": 5.0},
    "average": {"average": True},
}

LIMITS = {"max_iter": 8, "batch_size": 20, "random_state": 0}


def data(seed=0):
    """Return rows of three classes of different sizes, shuffled, and sample weights."""
    X, y = make_classification(
        150, 8, n_informative=5, n_classes=3, weights=[0.6, 0.3], random_state=seed
    )
    return X, np.array(["a", "b", "c"])[y], np.random.RandomState(seed).uniform(0.1, 3, len(X))


def network(**options):
    return MLPClassifier((7,), **{**LIMITS, **options})


def assert_same(a, b):
    """Compare two fitted models bit by bit."""
    for x, y in zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True):
        assert x.tobytes() == y.tobytes()
    for p, q in zip(a.layer_params_, b.layer_params_, strict=True):
        assert all(p[name].tobytes() == q[name].tobytes() for name in p)
    assert a.loss_curve_ == b.loss_curve_
    assert a.validation_scores_ == b.validation_scores_
    assert a.n_iter_ == b.n_iter_


def balanced(codes, weight):
    """Return the weight of each class: of the whole weight the k-th part, by that of the class."""
    totals = np.bincount(codes, weight)
    return totals.sum() / (len(totals) * totals)


def differ(a, b):
    return a.coefs_[0].tobytes() != b.coefs_[0].tobytes()


# -- the law ---------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("class_weight", [GIVEN, "balanced"], ids=["dict", "balanced"])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_class_weights_are_the_sample_weights_they_stand_for(settings, class_weight, weighted):
    X, y, weight = data()
    own = weight if weighted else np.ones(len(X))
    classes, codes = np.unique(y, return_inverse=True)
    given = np.array([{"a": 1.0, **GIVEN}[label] for label in classes])
    each = balanced(codes, own) if class_weight == "balanced" else given
    equivalent = own * each[codes]
    found = network(class_weight=class_weight, **settings).fit(X, y, weight if weighted else None)
    expected = network(**settings).fit(X, y, equivalent)
    assert_same(found, expected)
    assert differ(found, network(**settings).fit(X, y, weight if weighted else None))


def test_sample_weights_of_scikit_learn_are_the_same():
    X, y, _ = data()
    for class_weight in (GIVEN, "balanced"):
        weight = compute_sample_weight({"a": 1.0, **GIVEN}, y)
        if class_weight == "balanced":
            weight = compute_sample_weight("balanced", y)
        found = network(class_weight=class_weight).fit(X, y)
        assert_same(found, network().fit(X, y, weight))


def test_balanced_counts_are_weighted():
    """Each class gets the same sum of weights, the sum of all stays."""
    X, y, _ = data()
    rows = np.repeat(np.arange(len(X)), np.arange(len(X)) % 3)
    counts = (np.arange(len(X)) % 3).astype(float)
    kept = counts > 0
    found = network(class_weight="balanced", batch_size=rows.size, solver="lbfgs", alpha=1.0)
    repeated = clone(found).fit(X[rows], y[rows])
    found.fit(X[kept], y[kept], counts[kept])
    np.testing.assert_allclose(found.loss_curve_[0], repeated.loss_curve_[0], rtol=1e-9)
    np.testing.assert_allclose(found.coefs_[0], repeated.coefs_[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("class_weight", [{0: 5.0, 1: 0.2}, "balanced"])
def test_a_linear_model_is_the_logistic_regression_with_class_weights(class_weight):
    X, y = make_classification(200, 5, weights=[0.8], random_state=0)
    weight = np.random.RandomState(0).uniform(0.1, 3, len(X))
    peer = LogisticRegression(class_weight=class_weight, C=0.5, tol=1e-10, max_iter=10**4)
    model = MLPClassifier((), solver="lbfgs", alpha=2.0, class_weight=class_weight, tol=1e-8)
    for own in (None, weight) if class_weight != "balanced" else (None,):
        peer.fit(X, y, own)
        model.set_params(random_state=0, max_iter=1000).fit(X, y, own)
        np.testing.assert_allclose(model.coefs_[0].T, peer.coef_, atol=1e-3)


def test_ones_change_no_bit():
    X, y, _ = data()
    ones = network(class_weight={"a": 1, "b": 1.0, "c": np.float32(1)}).fit(X, y)
    assert_same(ones, network().fit(X, y, np.ones(len(X))))
    assert_same(network(class_weight={}).fit(X, y), ones)


def test_a_class_of_weight_zero_is_as_if_absent_from_the_loss():
    X, y, _ = data()
    model = network(class_weight={"c": 0.0}, max_iter=100, alpha=0.0).fit(X, y)
    assert model.predict_proba(X)[:, 2].mean() < 0.05


def test_scikit_learns_own_check():
    for solver in ("adam", "sgd", "lbfgs"):
        model = MLPClassifier(solver=solver, random_state=0)
        check_class_weight_classifiers("MLPClassifier", model)


def test_heavy_classes_are_predicted_more_often():
    X, y, _ = data()
    shares = [
        np.mean(network(class_weight={"c": w}, max_iter=60).fit(X, y).predict(X) == "c")
        for w in (0.01, 1.0, 100.0)
    ]
    assert shares[0] < shares[1] < shares[2]


# -- labels of all types ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "keys"),
    [
        ([0, 1, 2], [0, 1.0, np.int64(2)]),
        ([0.0, 1.0, 2.0], [0, 1, 2]),
        ([-3, 5, 700], [-3, 5, 700]),
        (np.array(["x", "yy", "z"], object), ["x", np.str_("yy"), "z"]),
    ],
)
def test_labels_and_keys_of_any_type(labels, keys):
    X, y, _ = data()
    codes = np.searchsorted(np.unique(y), y)
    given = dict(zip(keys, (1.0, 3.0, 0.25), strict=True))
    model = network(class_weight=given).fit(X, np.asarray(labels)[codes])
    assert_same(model, network(class_weight=GIVEN).fit(X, y))


def test_two_classes_and_booleans():
    X, y, _ = data()
    given = network(class_weight={False: 2.0, True: 0.5}).fit(X, y == "a")
    weight = np.where(y == "a", 0.5, 2.0)
    assert_same(given, network().fit(X, y == "a", weight))


# -- several columns -------------------------------------------------------------------


def labelled():
    """Return rows with three labels each, of different frequency."""
    X, y = make_multilabel_classification(120, 6, n_classes=3, n_labels=1, random_state=0)
    return X, y, np.random.RandomState(0).uniform(0.1, 3, len(X))


EACH = [{0: 1.0, 1: 5.0}, {1: 0.5}, {0: 2.0}]


@pytest.mark.parametrize("settings", ["plain", "lbfgs", "early stopping", "batch norm"])
@pytest.mark.parametrize("class_weight", [EACH, "balanced"], ids=["dicts", "balanced"])
def test_columns_are_weighed_one_by_one_as_in_scikit_learn(class_weight, settings):
    X, y, _ = labelled()
    full = [{0: 1.0, 1: 1.0, **column} for column in EACH]
    weight = compute_sample_weight("balanced" if class_weight == "balanced" else full, y)
    found = network(class_weight=class_weight, **SETTINGS[settings]).fit(X, y)
    assert_same(found, network(**SETTINGS[settings]).fit(X, y, weight))


def test_balanced_columns_count_weights():
    X, y, weight = labelled()
    factors = [balanced(column, weight)[column] for column in y.T]
    found = network(class_weight="balanced").fit(X, y, weight)
    assert_same(found, network().fit(X, y, weight * np.prod(factors, axis=0)))


def test_a_column_of_one_value_is_no_obstacle():
    X, y, _ = labelled()
    y = np.column_stack([y[:, 0], np.ones(len(y), int)])
    found = network(class_weight="balanced").fit(X, y)
    assert_same(found, network().fit(X, y, compute_sample_weight("balanced", y)))
    given = network(class_weight=[{0: 1.0, 1: 2.0}, {0: 3.0, 1: 1.0}]).fit(X, y)
    assert_same(given, network().fit(X, y, 1.0 + y[:, 0]))


def test_several_columns_of_classes():
    X, y, _ = data()
    y = np.column_stack([np.searchsorted(np.unique(y), y), X[:, 0] > 0])
    for class_weight in ([{0: 1.0, 1: 5.0, 2: 0.5}, {0: 2.0, 1: 1.0}], "balanced"):
        found = network(class_weight=class_weight).fit(X, y)
        assert_same(found, network().fit(X, y, compute_sample_weight(class_weight, y)))


def test_a_label_that_is_not_known_weighs_one():
    X, y, _ = labelled()
    y = y.astype(float)
    y[::4, 0] = y[1::5, 1] = np.nan
    weight = np.ones(len(y))
    for column, given in zip(y.T, EACH, strict=True):
        weight *= [given.get(label, 1.0) for label in column]
    assert_same(network(class_weight=EACH).fit(X, y), network().fit(X, y, weight))
    balanced = network(class_weight="balanced").fit(X, y)
    factors = np.ones(y.shape)
    for j, column in enumerate(y.T):
        known = ~np.isnan(column)
        factors[known, j] = compute_sample_weight("balanced", column[known])
    assert_same(balanced, network().fit(X, y, factors.prod(axis=1)))


# -- partial_fit -----------------------------------------------------------------------


def test_partial_fit_weighs_each_call_alike():
    X, y, weight = data()
    found, expected = network(class_weight=GIVEN), network()
    each = compute_sample_weight({"a": 1.0, **GIVEN}, y)
    for start in (0, 50, 100):
        part = slice(start, start + 50)
        found.partial_fit(X[part], y[part], weight[part], classes=["a", "b", "c"])
        own = weight[part] * each[part]
        expected.partial_fit(X[part], y[part], own, classes=["a", "b", "c"])
    assert_same(found, expected)


def test_partial_fit_takes_calls_without_some_classes():
    X, y, _ = data()
    found = network(class_weight=GIVEN).partial_fit(X, y, classes=["a", "b", "c"])
    alone = y == "b"
    found.partial_fit(X[alone], y[alone])
    X, y, _ = labelled()
    network(class_weight=EACH).partial_fit(X, y, classes=range(3)).partial_fit(X[:1], y[:1] * 0)


def test_partial_fit_cannot_balance():
    X, y, _ = data()
    model = network(class_weight="balanced")
    message = r"class_weight='balanced' needs all rows .* Pass a dict"
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, y, classes=["a", "b", "c"])
    assert not hasattr(model, "coefs_")
    model.fit(X, y)
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, y)
    assert pickle.dumps(model) == before
    model.set_params(class_weight=GIVEN).partial_fit(X, y)


def test_a_changed_class_weight_takes_effect_in_a_warm_start():
    X, y, _ = data()
    one, other = (network(warm_start=True).fit(X, y) for _ in range(2))
    one.set_params(class_weight={"c": 50.0}).fit(X, y)
    assert differ(one, other.fit(X, y))


# -- bad values ------------------------------------------------------------------------

BAD = {
    "unknown class": (
        {"d": 1.0},
        r"classes \['d'\], which are not among those of y: \['a', 'b', 'c'\]",
    ),
    "wrong type of label": ({0: 1.0}, r"classes \[0\], which are not among"),
    "negative": ({"a": -1.0}, r"finite float in the range \[0, inf\).* Got \{'a': -1\.0\}"),
    "nan": ({"a": np.nan}, r"Got \{'a': nan\}"),
    "infinite": ({"b": np.inf}, r"Got \{'b': inf\}"),
    "text": ({"b": "heavy"}, r"Got \{'b': 'heavy'\}"),
    "none": ({"b": None}, r"Got \{'b': None\}"),
    "boolean": ({"b": True}, r"Got \{'b': True\}"),
    "complex": ({"b": 1j}, r"Got \{'b': 1j\}"),
    "too large an integer": ({"b": 10**400}, "Each weight in class_weight must be"),
    "all zero": ({"a": 0, "b": 0, "c": 0}, r"have the sum 0\.0: too small"),
    "too large together": ({"a": 1e308, "b": 1e308}, r"have the sum inf: too small or too large"),
    "list for one column": ([{"a": 1.0}], r"must be a dict or 'balanced' for this y"),
    "other text": ("equal", r"'class_weight' parameter .* 'balanced' or an instance of dict"),
    "number": (2.0, r"'class_weight' parameter"),
    "list of numbers": ([1.0, 2.0], r"'class_weight' parameter"),
    "pairs": ([("a", 1.0)], r"'class_weight' parameter"),
}


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
@pytest.mark.parametrize(("class_weight", "message"), BAD.values(), ids=BAD)
def test_bad_values_are_refused_and_change_nothing(class_weight, message, call):
    X, y, _ = data()
    fresh = network(class_weight=class_weight)
    with pytest.raises(ValueError, match=message) as caught:
        fresh.fit(X, y) if call == "fit" else fresh.partial_fit(X, y, classes=["a", "b", "c"])
    assert len(str(caught.value)) <= 400
    assert "class_weight" in str(caught.value)
    assert not hasattr(fresh, "classes_")
    fitted = network().fit(X, y)
    fitted.class_weight = class_weight
    before = pickle.dumps(fitted)
    with pytest.raises(ValueError, match=message):
        fitted.fit(X, y) if call == "fit" else fitted.partial_fit(X, y)
    assert pickle.dumps(fitted) == before


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({0: 1.0, 1: 2.0}, r"must be a list of 3 dicts, one for each column, or 'balanced'"),
        ([{0: 1.0}], r"must be a list of 3 dicts"),
        ([{0: 1.0}] * 4, r"must be a list of 3 dicts"),
        ([{2: 1.0}, {}, {}], r"classes \[2\], which are not among those of y: \[0, 1\]"),
        ([{}, {}, {1: -1.0}], r"Got \{1: -1\.0\}"),
    ],
)
def test_bad_values_for_several_columns_are_refused(class_weight, message):
    X, y, _ = labelled()
    model = network(class_weight=class_weight)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert not hasattr(model, "classes_")


def test_weights_and_class_weights_that_leave_nothing_are_refused():
    X, y, _ = data()
    model = network(class_weight={"a": 0.0})
    with pytest.raises(ValueError, match=r"times class_weight, have the sum 0\.0"):
        model.fit(X, y, (y == "a").astype(float))


def test_the_dict_of_the_user_is_neither_changed_nor_kept_by_a_clone():
    X, y, _ = data()
    given = {"b": 3.0}
    kept = copy.deepcopy(given)
    model = network(class_weight=given).fit(X, y)
    assert given == kept
    assert model.class_weight is given
    assert clone(model).get_params()["class_weight"] == given


def test_grid_search_over_class_weights():
    X, y, _ = data()
    grid = {"class_weight": [None, "balanced", {"c": 10.0}]}
    search = GridSearchCV(network(), grid, cv=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == 3
