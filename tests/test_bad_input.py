"""Bad input gives an error that names its cause, and leaves the estimator as it was."""

import functools
import re

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError
from trust import (
    ESTIMATORS,
    LONGEST_MESSAGE,
    TASKS,
    estimator,
    first_partial_fit,
    problem,
    run_python,
    same,
    unchanged,
)

from skmlp import MLPClassifier

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def fitted(task, **params):
    """Return a small fitted estimator, and what it was fitted on."""
    X, y = problem(task)
    return estimator(task, **params).fit(X, y), X, y


def both_states(task, **params):
    """Return an unfitted and a fitted estimator, and their data."""
    est, X, y = fitted(task, **params)
    return (estimator(task, **params), est), X, y


def assert_refused(est, X, expected, act, *args, **kwargs):
    """Check that a call raises just the expected error, in short, and changes nothing."""
    error, message = expected
    pattern = re.compile(message, re.IGNORECASE)
    with unchanged(est, X), pytest.raises(error, match=pattern) as caught:
        act(*args, **kwargs)
    assert caught.type is error
    assert len(str(caught.value)) <= LONGEST_MESSAGE


def trainers(est):
    """Return fit and partial_fit, which is handed the classes, of an estimator."""
    return est.fit, functools.partial(first_partial_fit, est)


def predictors(est):
    """Return the bound methods that predict."""
    names = ("predict", "predict_proba", "predict_log_proba", "decision_function")
    return [getattr(est, name) for name in names if hasattr(est, name)]


# -- X ---------------------------------------------------------------------------------


def _with(X, value, dtype=None):
    """Return X with one entry replaced."""
    X = X.astype(dtype) if dtype else X.copy()
    X[3, 1] = value
    return X


#: How to spoil X, the error and what it says.
BAD_X = {
    "nan": (lambda X: _with(X, np.nan), ValueError, "X contains NaN"),
    "infinite": (lambda X: _with(X, np.inf), ValueError, "X contains infinity"),
    "minus infinity": (lambda X: _with(X, -np.inf), ValueError, "X contains infinity"),
    "float32 nan": (lambda X: _with(X, np.nan, np.float32), ValueError, "X contains NaN"),
    "sparse nan": (lambda X: sp.csr_array(_with(X, np.nan)), ValueError, "X contains NaN"),
    "sparse infinity": (lambda X: sp.csc_array(_with(X, np.inf)), ValueError, "X contains inf"),
    "text": (lambda X: _with(X, "blue", object), ValueError, "could not convert string to float"),
    "text array": (lambda X: np.full(X.shape, "a"), ValueError, "convert string to float"),
    "long text": (lambda X: _with(X, "x" * 10_000, object), ValueError, "convert string to float"),
    "no text but objects": (lambda X: _with(X, {}, object), TypeError, "must be a string or"),
    "None": (lambda X: _with(X, None, object), ValueError, "X contains NaN"),
    "complex": (lambda X: X + 1j, ValueError, "complex data not supported"),
    "sparse complex": (lambda X: sp.csr_array(X + 1j), ValueError, "complex data not supported"),
    "one row": (lambda X: X[0], ValueError, "expected 2D array, got 1D array"),
    "number": (lambda X: 3.0, ValueError, "expected 2D array, got scalar"),
    "three dimensions": (lambda X: X[:, :, None], ValueError, r"array with dim 3"),
    "no rows": (lambda X: X[:0], ValueError, "0 sample"),
    "no sparse rows": (lambda X: sp.csr_array(X[:0]), ValueError, "0 sample"),
    "no columns": (lambda X: X[:, :0], ValueError, "0 feature"),
    "empty list": (lambda X: [], ValueError, "expected 2D array, got 1D array"),
    "ragged list": (lambda X: [[1.0, 2.0], [3.0]], ValueError, "inhomogeneous shape"),
}


@pytest.mark.parametrize("kind", BAD_X)
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_bad_input_is_refused_in_training(task, kind):
    spoil, *expected = BAD_X[kind]
    estimators, X, y = both_states(task)
    for est in estimators:
        for train in trainers(est):
            assert_refused(est, X, expected, train, spoil(X), y)


@pytest.mark.parametrize("kind", BAD_X)
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_bad_input_is_refused_in_prediction(task, kind):
    spoil, *expected = BAD_X[kind]
    est, X, _ = fitted(task)
    for predict in predictors(est):
        assert_refused(est, X, expected, predict, spoil(X))


@pytest.mark.parametrize("width", [1, 3, 5])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, sp.csc_array, np.float32])
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_wrong_width_is_refused(task, container, width):
    est, X, y = fitted(task)
    other = container(np.ones((len(X), width)))
    message = f"X has {width} features, but {type(est).__name__} is expecting 4 features"
    for predict in predictors(est):
        assert_refused(est, X, (ValueError, message), predict, other)
    assert_refused(est, X, (ValueError, message), est.partial_fit, other, y)
    est.set_params(warm_start=True)
    assert_refused(est, X, (ValueError, message), est.fit, other, y)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_input_too_large_for_the_type_is_refused(task):
    estimators, X, y = both_states(task, dtype="float32")
    for est in estimators:
        expected = (ValueError, "X contains infinity or a value too large for dtype.*float32")
        assert_refused(est, X, expected, est.fit, X * 1e300, y)


@pytest.mark.parametrize("task", TASKS)
def test_mismatched_lengths_are_refused(task):
    estimators, X, y = both_states(task)
    expected = (ValueError, "inconsistent numbers of samples")
    for est in estimators:
        for train in trainers(est):
            for a, b in ((X[:-1], y), (X, y[:-1]), (sp.csr_array(X)[:-1], y)):
                assert_refused(est, X, expected, train, a, b)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_unfitted_estimator_does_not_predict(cls):
    for predict in predictors(cls()):
        with pytest.raises(NotFittedError, match=cls.__name__):
            predict([[0.0]])


# -- feature names -------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_feature_names_are_refused(task):
    pandas = pytest.importorskip("pandas")
    X, y = problem(task)
    frame = pandas.DataFrame(X, columns=list("abcd"))
    est = estimator(task).fit(frame, y)
    for columns in ("bacd", "abcx"):
        other = pandas.DataFrame(X, columns=list(columns))
        expected = (ValueError, "feature names should match")
        assert_refused(est, frame, expected, est.predict, other)
        assert_refused(est, frame, expected, est.partial_fit, other, y)


def test_missing_feature_names_give_a_warning():
    pandas = pytest.importorskip("pandas")
    X, y = problem("multiclass")
    est = estimator("multiclass").fit(pandas.DataFrame(X, columns=list("abcd")), y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert same(est.predict(X), est.predict(pandas.DataFrame(X, columns=list("abcd"))))


# -- y -------------------------------------------------------------------------------------


def _first(y, value, dtype=None):
    """Return y with its first entry replaced."""
    y = y.astype(dtype or float)
    y[0] = value
    return y


#: Task, how to spoil y, the error and what it says.
BAD_Y = {
    "no y": ("multiclass", lambda y: None, ValueError, "requires y to be passed"),
    "nan": ("multiclass", lambda y: _first(y, np.nan), ValueError, "y contains NaN"),
    "infinity": ("multiclass", lambda y: _first(y, np.inf), ValueError, "y contains infinity"),
    "continuous": ("multiclass", lambda y: y + 0.5, ValueError, "unknown label type: continuous"),
    "huge": ("binary", lambda y: y * 1e300 + 0.5, ValueError, "unknown label type: continuous"),
    "columns of numbers": (
        "multiclass",
        lambda y: np.c_[y, y[::-1] + 0.5],
        ValueError,
        "unknown label type: continuous-multioutput",
    ),
    "nan in a column": (
        "multiclass",
        lambda y: np.c_[y, _first(y, np.nan)],
        ValueError,
        "y contains NaN",
    ),
    "nan in an only column": (
        "multiclass",
        lambda y: _first(y, np.nan)[:, None],
        ValueError,
        "y contains NaN",
    ),
    "infinite label": ("multilabel", lambda y: _first(y, np.inf), ValueError, "y contains inf"),
    "nothing known": ("multilabel", lambda y: y * np.nan, ValueError, "y has no value: all of it"),
    "no number known": (
        "multi-output",
        lambda y: y * np.nan,
        ValueError,
        "y has no value: all of it",
    ),
    "infinite in a column": ("multi-output", lambda y: _first(y, np.inf), ValueError, "infinity"),
    "not a number in an only column": (
        "regression",
        lambda y: _first(y, np.nan)[:, None],
        ValueError,
        "y contains NaN",
    ),
    "three dimensions": ("multiclass", lambda y: y[:, None, None], ValueError, "dim 3"),
    "no classes": ("multiclass", lambda y: y[:0], ValueError, "0 sample"),
    "numbers and text": (
        "multiclass",
        lambda y: _first(y, "a", object),
        ValueError,
        "y has labels of several types",
    ),
    "no number": ("regression", lambda y: None, ValueError, "requires y to be passed"),
    "nan number": ("regression", lambda y: _first(y, np.nan), ValueError, "y contains NaN"),
    "infinite": ("regression", lambda y: _first(y, -np.inf), ValueError, "y contains infinity"),
    "text": ("regression", lambda y: np.full(len(y), "a"), ValueError, "convert string to float"),
    "long text": (
        "regression",
        lambda y: _first(y, "x" * 10_000, object),
        ValueError,
        "convert string to float",
    ),
    "complex": ("regression", lambda y: y + 1j, ValueError, "complex"),
    "more dimensions": ("regression", lambda y: y[:, None, None], ValueError, "dim 3"),
    "no column": ("regression", lambda y: y[:, None][:, :0], ValueError, "y has 0|0 feature"),
    "sparse numbers": ("multi-output", sp.csr_array, ValueError, "y .*sparse|sparse .* y"),
    "negative count": ("poisson", lambda y: _first(y, -1e-9), ValueError, "y has the value -1e-09"),
}


@pytest.mark.parametrize("kind", BAD_Y)
def test_bad_y_is_refused(kind):
    task, spoil, *expected = BAD_Y[kind]
    estimators, X, y = both_states(task)
    for est in estimators:
        assert_refused(est, X, expected, est.fit, X, spoil(y))


@pytest.mark.parametrize("kind", [kind for kind in BAD_Y if BAD_Y[kind][0] != "binary"])
def test_bad_y_is_refused_in_partial_fit(kind):
    task, spoil, error, message = BAD_Y[kind]
    estimators, X, y = both_states(task)
    classes = np.unique(y) if y.ndim == 1 else np.arange(y.shape[1])
    data = {"classes": classes} if isinstance(estimators[0], MLPClassifier) else {}
    message += "|classes not in" if data else ""
    for est in estimators:
        assert_refused(est, X, (error, message), est.partial_fit, X, spoil(y), **data)


@pytest.mark.parametrize("task", ["regression", "multi-output"])
@pytest.mark.parametrize("params", [{"dtype": "float32"}, {}])
def test_y_too_large_for_float32_is_refused(task, params):
    estimators, X, y = both_states(task, dtype="float32")
    expected = (ValueError, "y has values too large for float32")
    for est in estimators:
        assert_refused(est, X, expected, est.fit, X, y * 1e300)


def test_y_too_large_is_refused_under_strict_floating_point_rules():
    X, y = problem("regression", dtype=np.float32)
    with np.errstate(all="raise"), pytest.raises(ValueError, match="too large for float32"):
        estimator("regression").fit(X, y * 1e300)


# -- partial_fit ---------------------------------------------------------------------------


def test_first_partial_fit_needs_the_classes():
    X, y = problem("multiclass")
    est = estimator("multiclass")
    assert_refused(est, X, (ValueError, "classes must be passed"), est.partial_fit, X, y)


@pytest.mark.parametrize(
    ("task", "classes"),
    [
        ("binary", [0, 1, 2]),
        ("binary", ["no", "yes"]),
        ("multiclass", [0, 1]),
        ("multiclass", [0, 1, 3]),
        ("multiclass", np.arange(5000)),
        ("multiclass", ["x" * 1000]),
        ("multilabel", [0, 1]),
    ],
)
def test_changed_classes_are_refused(task, classes):
    est, X, y = fitted(task)
    expected = (ValueError, "classes.*not the same as on last call")
    assert_refused(est, X, expected, est.partial_fit, X, y, classes=classes)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([0, 1, 2], [0, 1]),
        ([-1, 0, 1], [0, 1]),
        ([0.0, 1.0, 7.0], [0, 1, 2]),
        (["a", "b", "z"], ["a", "b", "c"]),
        (["a", "b", "c"], [0, 1, 2]),
        ([0, 1, 2], ["0", "1", "2"]),
        (["x" * 1000, "y" * 1000, "z" * 1000], ["x" * 1000, "y" * 1000]),
    ],
)
def test_unseen_class_is_refused(labels, classes):
    X, _ = problem("multiclass")
    y = np.resize(labels, len(X))
    expected = (ValueError, "`y` has classes not in `self.classes_`")
    est = estimator("multiclass")
    assert_refused(est, X, expected, est.partial_fit, X, y, classes=classes)
    est.partial_fit(X, np.resize(classes, len(X)), classes=classes)
    assert_refused(est, X, expected, est.partial_fit, X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize(
    ("task", "spoil"),
    [
        ("binary", lambda y: np.c_[y, y, 1 - y]),
        ("binary", lambda y: np.c_[y, 1 - y]),
        ("multiclass", lambda y: np.eye(3, dtype=int)[y]),
        ("multilabel", lambda y: y[:, 0]),
        ("multilabel", lambda y: y[:, :2]),
        ("multilabel", lambda y: np.c_[y, y]),
        ("regression", lambda y: np.c_[y, y]),
        ("multi-output", lambda y: y[:, 0]),
        ("multi-output", lambda y: y[:, :1]),
        ("multi-output", lambda y: np.c_[y, y]),
        ("poisson", lambda y: np.c_[y, y]),
    ],
)
def test_other_kind_of_y_is_refused_in_partial_fit(task, spoil):
    est, X, y = fitted(task, warm_start=True)
    expected = (ValueError, r"y (must|has|is)|y.* (target|column|label)")
    for train in (est.partial_fit, est.fit):
        assert_refused(est, X, expected, train, X, spoil(y))


@pytest.mark.parametrize("classes", [[0, 1], [0, 1, 2]])
def test_classes_of_an_indicator_matrix_mean_the_same_in_each_call(classes):
    X, y = problem("multilabel")
    est = estimator("multilabel")
    answers = [answer_to(est.partial_fit, X, y, None, classes) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0] == "accepted" or classes == [0, 1]


# -- sample weights ------------------------------------------------------------------------


def _one(value):
    """Return unit weights but for one."""
    return lambda n: np.r_[value, np.ones(n - 1)]


#: How to make weights for n rows, the error and what it says.
BAD_WEIGHT = {
    "negative": (_one(-1.0), ValueError, "negative values .*sample_weight"),
    "barely negative": (_one(-5e-324), ValueError, "negative values .*sample_weight"),
    "nan": (_one(np.nan), ValueError, "sample_weight contains NaN"),
    "infinite": (_one(np.inf), ValueError, "sample_weight contains infinity"),
    "all zero": (np.zeros, ValueError, "weights .*zero"),
    "zero": (lambda n: 0.0, ValueError, "weights .*zero"),
    "negative number": (lambda n: -1.0, ValueError, "negative values .*sample_weight"),
    "sum overflows": (lambda n: np.full(n, 1e308), ValueError, "sum of sample_weight"),
    "sum underflows": (lambda n: np.full(n, 1e-320), ValueError, "sum of sample_weight"),
    "too few": (lambda n: np.ones(n - 1), ValueError, "sample_weight"),
    "too many": (lambda n: np.ones(n + 1), ValueError, "sample_weight"),
    "none": (lambda n: [], ValueError, "sample_weight"),
    "column": (lambda n: np.ones((n, 1)), ValueError, "sample_weight must be one-dimensional"),
    "matrix": (lambda n: np.ones((n, 2)), ValueError, "sample_weight must be one-dimensional"),
    "no dimension": (lambda n: np.array(2.0), ValueError, "sample_weight must be one-dimensional"),
    "text": (lambda n: ["heavy"] * n, ValueError, "sample_weight|convert string to float"),
    "long text": (lambda n: "x" * 10_000, ValueError, "sample_weight|convert string to float"),
    "complex": (lambda n: np.ones(n) * 1j, ValueError, "complex data not supported"),
    "sparse": (lambda n: sp.csr_array(np.ones((n, 1))), TypeError, "sparse.*sample_weight"),
}


@pytest.mark.parametrize("kind", BAD_WEIGHT)
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_bad_weight_is_refused(task, kind):
    make, *expected = BAD_WEIGHT[kind]
    estimators, X, y = both_states(task)
    weight = make(len(X))
    for est in estimators:
        for train in trainers(est):
            assert_refused(est, X, expected, train, X, y, sample_weight=weight)


def test_overflowing_weights_are_refused_under_strict_floating_point_rules():
    X, y = problem("multiclass")
    with np.errstate(all="raise"), pytest.raises(ValueError, match="sum of sample_weight"):
        estimator("multiclass").fit(X, y, np.full(len(X), 1e308))


# -- sparse arrays with a broken structure ---------------------------------------------------


def _set(array, where, value):
    array[where] = value


#: How to break a compressed sparse array in place. SciPy notices none of it.
BREAKS = {
    "indptr does not start at 0": lambda A: _set(A.indptr, 0, 1),
    "indptr starts below 0": lambda A: _set(A.indptr, 0, -(10**6)),
    "indptr decreases": lambda A: _set(A.indptr, 2, 0),
    "indptr jumps": lambda A: _set(A.indptr, 2, 10**8),
    "indptr ends beyond the data": lambda A: _set(A.indptr, -1, A.indptr[-1] + 1000),
    "indptr ends far beyond the data": lambda A: _set(A.indptr, -1, 10**8),
    "indptr is short": lambda A: setattr(A, "indptr", A.indptr[:-1].copy()),
    "index is negative": lambda A: _set(A.indices, 0, -1),
    "index is far below 0": lambda A: _set(A.indices, 0, -(10**8)),
    "index is the width": lambda A: _set(A.indices, 0, 10**3),
    "index is huge": lambda A: _set(A.indices, -1, 10**8),
    "data are truncated": lambda A: setattr(A, "data", A.data[:5].copy()),
    "indices are truncated": lambda A: setattr(A, "indices", A.indices[:5].copy()),
    "indices and data are truncated": lambda A: (
        setattr(A, "data", A.data[:5].copy()),
        setattr(A, "indices", A.indices[:5].copy()),
    ),
}

#: The same for formats that have other attributes.
OTHER_BREAKS = {
    "coo": {
        "column is huge": lambda A: _set(A.coords[1], 0, 10**8),
        "column is negative": lambda A: _set(A.coords[1], 0, -(10**8)),
        "row is huge": lambda A: _set(A.coords[0], 0, 10**8),
        "row is negative": lambda A: _set(A.coords[0], 0, -(10**8)),
    },
    "lil": {
        "column is huge": lambda A: _set(A.rows[0], 0, 10**8),
        "column is negative": lambda A: _set(A.rows[0], 0, -(10**8)),
        "row has more data than columns": lambda A: A.data[0].extend([1.0] * 1000),
    },
    "dia": {
        "offsets are truncated": lambda A: setattr(A, "offsets", A.offsets[:1].copy()),
    },
}

STRUCTURE = "sparse array with invalid structure"


def broken(X, layout, kind, index_dtype=np.int32):
    """Return X as a sparse array whose structure is broken."""
    A = sp.coo_array(X).asformat(layout)
    if layout in ("csr", "csc", "bsr"):
        A.indptr, A.indices = A.indptr.astype(index_dtype), A.indices.astype(index_dtype)
    (OTHER_BREAKS.get(layout) or BREAKS)[kind](A)
    return A


@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
@pytest.mark.parametrize("kind", BREAKS)
@pytest.mark.parametrize("layout", ["csr", "csc"])
def test_broken_sparse_array_is_refused_in_training(layout, kind, index_dtype):
    estimators, X, y = both_states("multiclass")
    for est in estimators:
        for train in trainers(est):
            A = broken(X, layout, kind, index_dtype)
            assert_refused(est, X, (ValueError, STRUCTURE), train, A, y)


@pytest.mark.parametrize("kind", BREAKS)
@pytest.mark.parametrize("layout", ["csr", "csc"])
def test_broken_sparse_array_is_refused_in_prediction(layout, kind):
    est, X, _ = fitted("multiclass")
    for predict in predictors(est):
        assert_refused(est, X, (ValueError, STRUCTURE), predict, broken(X, layout, kind))


def answer_to(act, *data):
    """Return the name and the message of the error that an action raises, or "accepted"."""
    try:
        act(*data)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"


def report_broken(*layouts):
    """Try all broken arrays of some formats; print a line before and after each."""
    est, X, y = fitted("multiclass")
    kinds = [(layout, kind) for layout in layouts for kind in OTHER_BREAKS.get(layout) or BREAKS]
    for layout, kind in kinds:
        for name in ("fit", "partial_fit", "predict", "predict_proba"):
            print(f"{layout} {name}: {kind}", flush=True)
            data = (y,) if name.endswith("fit") else ()
            print(answer_to(getattr(est, name), broken(X, layout, kind), *data), flush=True)


def report_broken_y():
    """Try all broken indicator matrices; print a line before and after each."""
    est, X, y = fitted("multilabel")
    for kind in BREAKS:
        for name in ("fit", "partial_fit"):
            print(f"y {name}: {kind}", flush=True)
            print(answer_to(getattr(est, name), X, broken(y, "csr", kind)), flush=True)


def assert_all_refused(code, answer):
    """Run code that prints questions and answers; it must not be killed by a signal."""
    done = run_python(f"import test_bad_input as t; {code}")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"exit {done.returncode} at {lines[-1:]}: {done.stderr[-2000:]}"
    pairs = list(zip(lines[::2], lines[1::2], strict=True))
    assert pairs
    assert [pair for pair in pairs if answer not in pair[1]] == []


@pytest.mark.parametrize("layouts", [("csr", "csc", "bsr"), ("coo", "lil", "dia")], ids=" ".join)
def test_broken_sparse_array_does_not_end_the_process(layouts):
    assert_all_refused(f"t.report_broken(*{layouts!r})", f"ValueError: X is a {STRUCTURE}")


def test_broken_sparse_y_does_not_end_the_process():
    assert_all_refused("t.report_broken_y()", f"ValueError: y is a {STRUCTURE}")


@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
@pytest.mark.parametrize("layout", ["csr", "csc"])
def test_spare_room_behind_a_sparse_array_is_no_fault(layout, index_dtype):
    X, y = problem("multiclass")
    A = sp.csr_array(X).asformat(layout)
    A.indptr = A.indptr.astype(index_dtype)
    A.data = np.r_[A.data, 7.0, 8.0]
    A.indices = np.r_[A.indices.astype(index_dtype), 10**8, -1].astype(index_dtype)
    est = estimator("multiclass").fit(A, y)
    dense = estimator("multiclass").fit(X, y)
    np.testing.assert_allclose(est.predict_proba(A), dense.predict_proba(X), rtol=1e-9)
