"""The catalogue of faults: what may be wrong with the data of a call, and what is said of it.

A fault is a change of the keyword arguments of a call. The class of the error is exact; the
message is a regular expression, which names the argument.
"""

import copy
import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.model_selection import GroupKFold, KFold, PredefinedSplit
from trust import LONGEST_MESSAGE, estimator, problem, same, unchanged

from skmlp import MLPClassifier


class Fault(NamedTuple):
    """What is done to an argument, and the error that it causes."""

    spoil: Callable[[Any], Any]
    message: str
    error: type[Exception] = ValueError


class Call(NamedTuple):
    """What is done to the arguments of a call, of an estimator with some parameters."""

    change: Callable[[dict[str, Any]], Any]
    message: str
    error: type[Exception] = ValueError
    params: Mapping[str, Any] = {}


# -- X -------------------------------------------------------------------------------------


def with_entry(X, value, dtype=None):
    """Return X with one entry replaced."""
    X = X.astype(dtype) if dtype else X.copy()
    X[3, 1] = value
    return X


BAD_X = {
    "nan": Fault(lambda X: with_entry(X, np.nan), "X contains NaN"),
    "infinite": Fault(lambda X: with_entry(X, np.inf), "X contains infinity"),
    "minus infinity": Fault(lambda X: with_entry(X, -np.inf), "X contains infinity"),
    "float32 nan": Fault(lambda X: with_entry(X, np.nan, np.float32), "X contains NaN"),
    "sparse nan": Fault(lambda X: sp.csr_array(with_entry(X, np.nan)), "X contains NaN"),
    "sparse infinity": Fault(lambda X: sp.csc_array(with_entry(X, np.inf)), "X contains inf"),
    "text": Fault(lambda X: with_entry(X, "blue", object), "X.*convert string to float"),
    "text array": Fault(lambda X: np.full(X.shape, "a"), "X.*convert string to float"),
    "long text": Fault(lambda X: with_entry(X, "x" * 10_000, object), "X.*convert string to"),
    "no text but objects": Fault(
        lambda X: with_entry(X, {}, object), "X.*must be a string or", TypeError
    ),
    "None": Fault(lambda X: with_entry(X, None, object), "X contains NaN"),
    "complex": Fault(lambda X: X + 1j, "X.*complex data not supported"),
    "sparse complex": Fault(lambda X: sp.csr_array(X + 1j), "X.*complex data not supported"),
    "one row": Fault(lambda X: X[0], "X.*expected 2D array, got 1D array"),
    "number": Fault(lambda X: 3.0, "X.*expected 2D array, got scalar"),
    "three dimensions": Fault(lambda X: X[:, :, None], "X.*array with dim 3"),
    "no rows": Fault(lambda X: X[:0], "X.*0 sample"),
    "no sparse rows": Fault(lambda X: sp.csr_array(X[:0]), "X.*0 sample"),
    "no columns": Fault(lambda X: X[:, :0], "X.*0 feature"),
    "empty list": Fault(lambda X: [], "X.*expected 2D array, got 1D array"),
    "ragged list": Fault(lambda X: [[1.0, 2.0], [3.0]], "X.*inhomogeneous shape"),
}

#: Other numbers of columns: faults only once there is a number of features.
BAD_WIDTH = {
    f"{width} columns, {container.__name__}": Fault(
        lambda X, width=width, container=container: container(np.ones((len(X), width))),
        f"X has {width} features, but MLP.* is expecting 4 features",
    )
    for width in (1, 3, 5)
    for container in (np.asarray, np.float32, sp.csr_array, sp.csc_array)
}


# -- y -------------------------------------------------------------------------------------


def first(y, value, dtype=float):
    """Return y with its first entry replaced."""
    y = y.astype(dtype)
    y[0] = value
    return y


_ANY_Y = {
    "nothing": Fault(lambda y: None, "requires y to be passed"),
    "nan": Fault(lambda y: first(y, np.nan), "y contains NaN"),
    "infinite": Fault(lambda y: first(y, -np.inf), "y contains infinity"),
    "nan in an only column": Fault(lambda y: first(y, np.nan)[:, None], "y contains NaN"),
    "three dimensions": Fault(lambda y: y[:, None, None], "y.*dim 3"),
    "no rows": Fault(lambda y: y[:0], "y.*0 sample"),
    "complex": Fault(lambda y: y + 1j, "y.*complex"),
    "one too few": Fault(lambda y: y[:-1], r"X.*y.*inconsistent numbers of samples.*60, 59"),
    "one too many": Fault(lambda y: np.r_[y, y[:1]], r"X.*y.*inconsistent numbers.*60, 61"),
    "no column": Fault(lambda y: y[:, None][:, :0], r"y.*0 feature|y has 0"),
    "ragged list": Fault(lambda y: [[1.0]] * 59 + [[1.0, 2.0]], "y.*inhomogeneous shape"),
}
_CLASSES = {
    "continuous": Fault(lambda y: y + 0.5, "unknown label type: continuous"),
    "huge": Fault(lambda y: y * 1e300 + 0.5, "unknown label type: continuous"),
    "columns of numbers": Fault(
        lambda y: np.c_[y, y[::-1] + 0.5], "unknown label type: continuous-multioutput"
    ),
    "nan in a column": Fault(lambda y: np.c_[y, first(y, np.nan)], "y contains NaN"),
    "numbers and text": Fault(lambda y: first(y, "a", object), "y has labels of several types"),
    "lists": Fault(lambda y: np.c_[[[1]] * 59 + [[2]]].astype(object)[:, :, None], "y.*dim 3"),
}
_NUMBERS = {
    "text": Fault(lambda y: np.full(len(y), "a"), "y.*convert string to float"),
    "long text": Fault(lambda y: first(y, "x" * 10_000, object), "y.*convert string to float"),
    "objects": Fault(lambda y: first(y, {}, object), "y.*must be a string or", TypeError),
    "sparse": Fault(lambda y: sp.csr_array(y[:, None]), "y is sparse.*y.toarray"),
}

BAD_Y = {
    "multiclass": {**_ANY_Y, **_CLASSES},
    "regression": {**_ANY_Y, **_NUMBERS},
    "multilabel": {
        "infinite label": Fault(lambda y: first(y, np.inf), "y contains inf"),
        "nothing known": Fault(lambda y: y * np.nan, "y has no value: all of it"),
    },
    "multi-output": {
        "infinite": Fault(lambda y: first(y, np.inf), "y contains infinity"),
        "nothing known": Fault(lambda y: y * np.nan, "y has no value: all of it"),
        "sparse": Fault(sp.csr_array, "y is sparse.*y.toarray"),
    },
    "poisson": {"negative count": Fault(lambda y: first(y, -1e-9), "y has the value -1e-09")},
}


# -- weights -------------------------------------------------------------------------------


def one(value):
    """Return a function that makes unit weights but for one."""
    return lambda n: np.r_[value, np.ones(n - 1)]


#: How to make weights for n rows.
BAD_WEIGHT = {
    "negative": Fault(one(-1.0), "negative values .*sample_weight"),
    "barely negative": Fault(one(-5e-324), "negative values .*sample_weight"),
    "nan": Fault(one(np.nan), "sample_weight contains NaN"),
    "infinite": Fault(one(np.inf), "sample_weight contains infinity"),
    "all zero": Fault(np.zeros, "weights .*zero"),
    "zero": Fault(lambda n: 0.0, "weights .*zero"),
    "negative number": Fault(lambda n: -1.0, "negative values .*sample_weight"),
    "sum overflows": Fault(lambda n: np.full(n, 1e308), "sum of sample_weight"),
    "sum underflows": Fault(lambda n: np.full(n, 1e-320), "sum of sample_weight"),
    "too few": Fault(lambda n: np.ones(n - 1), r"sample_weight has 59 .* 60 row\(s\) of X"),
    "too many": Fault(lambda n: np.ones(n + 1), r"sample_weight has 61 .* 60 row\(s\) of X"),
    "none": Fault(lambda n: [], "sample_weight has 0"),
    "column": Fault(lambda n: np.ones((n, 1)), "sample_weight must be one-dimensional"),
    "matrix": Fault(lambda n: np.ones((n, 2)), "sample_weight must be one-dimensional"),
    "no dimension": Fault(lambda n: np.array(2.0), "sample_weight must be one-dimensional"),
    "text": Fault(lambda n: ["heavy"] * n, "sample_weight.*convert string to float"),
    "long text": Fault(lambda n: "x" * 10_000, "sample_weight.*convert string to float"),
    "complex": Fault(lambda n: np.ones(n) * 1j, "sample_weight.*complex data not supported"),
    "sparse": Fault(lambda n: sp.csr_array(np.ones((n, 1))), "sparse.*sample_weight", TypeError),
    "ragged": Fault(lambda n: [[1.0]] * (n - 1) + [[1.0, 2.0]], "sample_weight.*inhomogeneous"),
}


# -- rows to validate on -------------------------------------------------------------------


def drop(*names):
    """Return a change that removes arguments."""
    return lambda data: [data.pop(name) for name in names]


def put(**values):
    """Return a change that sets arguments."""
    return lambda data: data.update(values)


_VALIDATION = {
    "y_val is missing": Call(drop("y_val"), "y_val is missing: pass X_val and y_val"),
    "X_val is missing": Call(drop("X_val"), "X_val is missing: pass X_val and y_val"),
    "only weights": Call(
        lambda data: (drop("X_val", "y_val")(data), put(sample_weight_val=np.ones(60))(data)),
        "X_val is missing",
    ),
}

#: Of classes alone.
_UNSEEN = {
    "an unseen class in y_val": Call(
        lambda data: put(y_val=first(data["y"], 7, int))(data), r"y_val.*not in.*7"
    ),
    "other labels in y_val": Call(
        lambda data: put(y_val=data["y"].astype(str))(data), r"y_val.*classes not in"
    ),
}

_OTHER_TARGETS = {
    "more targets in y_val": Call(
        lambda data: put(y_val=np.c_[data["y"], data["y"]])(data),
        r"y_val.*(has 2 target|y must be one-dimensional)",
    ),
}


# -- scorers, splitters and what goes wrong amid a fit -------------------------------------


def raises(error):
    """Return a scorer that raises an error."""

    def scorer(est, X, y):
        raise error

    return scorer


def returns(value):
    """Return a scorer that returns a value."""
    return lambda est, X, y: value


class Split:
    """A splitter whose only split is given."""

    def __init__(self, *parts):
        self.parts = parts

    def split(self, X, y=None, groups=None):
        yield from self.parts

    def get_n_splits(self, X=None, y=None, groups=None):
        return len(self.parts)

    def __repr__(self):
        return "Split()"


class RaisingSplit(Split):
    """A splitter that does not come to a split."""

    def split(self, X, y=None, groups=None):
        raise RuntimeError("no split today")


_PARTS = r"'validation_splitter' parameter must split the rows into two parts"
_ALL = np.arange(60)

_STEERING = {
    "scorer raises": ({"scoring": raises(OSError("gone"))}, "gone", OSError),
    "scorer raises a KeyError": ({"scoring": raises(KeyError("lost"))}, "lost", KeyError),
    "scorer returns text": ({"scoring": returns("good")}, "'scoring' .*number. Got 'good'"),
    "scorer returns None": ({"scoring": returns(None)}, "'scoring' .*number. Got None"),
    "scorer returns a list": ({"scoring": returns([0.5])}, r"'scoring' .*number. Got \[0.5\]"),
    "scorer returns an array": ({"scoring": returns(np.ones(2))}, r"'scoring' .*Got array"),
    "scorer returns a complex number": ({"scoring": returns(1j)}, "'scoring' .*number. Got 1j"),
    "scorer takes no data": ({"scoring": lambda est: 0.5}, "argument", TypeError),
    "splitter without a split": ({"validation_splitter": Split()}, _PARTS),
    "splitter with three parts": (
        {"validation_splitter": Split((_ALL[:20], _ALL[20:40], _ALL[40:]))},
        _PARTS,
    ),
    "parts that overlap": ({"validation_splitter": Split((_ALL, _ALL[:5]))}, _PARTS),
    "part with a row twice": ({"validation_splitter": Split((_ALL[5:], [0, 0, 1]))}, _PARTS),
    "empty training part": ({"validation_splitter": Split((_ALL[:0], _ALL))}, _PARTS),
    "empty validation part": ({"validation_splitter": Split((_ALL, _ALL[:0]))}, _PARTS),
    "rows that do not exist": ({"validation_splitter": Split((_ALL[5:], [600]))}, _PARTS),
    "rows of fractions": ({"validation_splitter": Split((_ALL[5:], [0.5, 1.5]))}, _PARTS),
    "rows as text": ({"validation_splitter": Split((_ALL[5:], ["a", "b"]))}, _PARTS),
    "splitter raises": ({"validation_splitter": RaisingSplit()}, "no split today", RuntimeError),
    "more folds than rows": ({"validation_splitter": KFold(61)}, "n_splits=61.*samples: n_s"),
    "splitter asks for groups": ({"validation_splitter": GroupKFold(3)}, "'groups' parameter"),
    "predefined split of other rows": (
        {"validation_splitter": PredefinedSplit(np.zeros(50))},
        _PARTS,
    ),
}


#: Scorers of another kind of y.
_OTHER_SCORER = {
    "multiclass": ({"scoring": "roc_auc"}, "multi_class must be in"),
    "regression": ({"scoring": "accuracy"}, "continuous|handle"),
}


def steering(task):
    """Return the faults of what steers a fit with early stopping."""
    table = {**_STEERING, "scorer of another kind of y": _OTHER_SCORER[task]}
    return {
        kind: Call(lambda data: None, *rest, params={"early_stopping": True, **params})
        for kind, (params, *rest) in table.items()
    }


def grouped():
    """Return the faults of groups."""
    params = {"early_stopping": True, "validation_splitter": GroupKFold(3)}
    bad = {
        "too few groups": (np.arange(59), "inconsistent numbers of samples.*59"),
        "too many groups": (np.arange(61), "inconsistent numbers of samples.*61"),
        "one group": (np.zeros(60), "number of splits n_splits=3.*groups"),
        "groups with NaN": (first(np.zeros(60), np.nan), "NaN|number of splits"),
    }
    return {
        kind: Call(put(groups=value), message, params=params)
        for kind, (value, message) in bad.items()
    }


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


def all_breaks():
    """Return each way to break a sparse array of each format, as a fault of X."""
    layouts = ("csr", "csc", "bsr", *OTHER_BREAKS)
    return {
        f"{layout}: {kind}": Fault(
            lambda X, layout=layout, kind=kind: broken(X, layout, kind), f"X is a {STRUCTURE}"
        )
        for layout in layouts
        for kind in (OTHER_BREAKS.get(layout) or BREAKS)
    }


# -- the catalogue -------------------------------------------------------------------------


def _changing(argument, source, table, prefix=""):
    """Return the faults of an argument, made from another one, as changes of a call."""
    return {
        f"{argument}: {kind}": Call(
            lambda data, spoil=spoil: data.update({argument: spoil(source(data))}),
            prefix + message,
            error,
        )
        for kind, (spoil, message, error) in table.items()
    }


def _rows(data):
    return len(data["X"])


@functools.cache
def data_faults(task):
    """Return the faults of the data of ``fit`` and ``partial_fit``."""
    in_validation = "X_val.*y_val.*"
    missing = {"nothing", "nothing known"}
    of_y_val = {k: v for k, v in BAD_Y[task].items() if k not in missing and k != "continuous"}
    faults = {
        **_changing("X", lambda data: data["X"], BAD_X),
        **_changing("X", lambda data: data["X"], all_breaks()),
        **_changing("y", lambda data: data["y"], BAD_Y[task]),
        **_changing("sample_weight", _rows, BAD_WEIGHT),
        **_changing("X_val", lambda data: data["X"], {**BAD_X, **BAD_WIDTH}, in_validation),
        **_changing("y_val", lambda data: data["y"], of_y_val, in_validation),
        **_changing("sample_weight_val", _rows, BAD_WEIGHT, in_validation),
        **_VALIDATION,
    }
    of_classes = {"multiclass": _UNSEEN}
    return {**faults, **of_classes.get(task, {}), **_OTHER_TARGETS}


@functools.cache
def fit_faults(task):
    """Return the faults of ``fit``."""
    steered = {**steering(task), **grouped()} if task in _OTHER_SCORER else {}
    return {**data_faults(task), **steered}


def kinds(table):
    """Return the faults of all tasks, each once."""
    return list(dict.fromkeys(kind for task in BAD_Y for kind in table(task)))


def tasks_with(table, kind):
    """Return the tasks that a fault is tried on: all that have it, if it is one of y."""
    tasks = BAD_Y if kind.startswith("y") else ("multiclass", "regression")
    return [task for task in tasks if kind in table(task)]


def arguments(task):
    """Return the arguments of a call that is in order."""
    X, y = made_once(task)
    return {"X": X.copy(), "y": y.copy(), "X_val": X.copy(), "y_val": y.copy()}


@functools.cache
def made_once(task):
    """Return X and y that are not to be changed."""
    return problem(task)


# -- what is checked -------------------------------------------------------------------------


@functools.cache
def fitted_once(task, **params):
    """Return a small fitted estimator that is not to be changed."""
    return estimator(task, **params).fit(*made_once(task))


def fitted(task, **params):
    """Return a small fitted estimator."""
    return copy.deepcopy(fitted_once(task)).set_params(**params)


def both_states(task, **params):
    """Return an unfitted and a fitted estimator."""
    return estimator(task, **params), fitted(task, **params)


def content(value):
    """Return a copy of the numbers in an argument, whatever of ours holds them."""
    if sp.issparse(value):
        parts = ("data", "indices", "indptr", "coords", "rows", "offsets")
        return {name: content(getattr(value, name)) for name in parts if hasattr(value, name)}
    known = isinstance(value, np.ndarray | list | tuple | float | None)
    return copy.deepcopy(value) if known else None


def assert_refused(est, expected, act, *args, **kwargs):
    """Check that a call raises just the expected error, in short, and changes nothing."""
    X, _ = made_once("multiclass")
    given = [*args, *kwargs.values()]
    before = [content(value) for value in given]
    pattern = re.compile(expected.message, re.IGNORECASE | re.DOTALL)
    with unchanged(est, X), pytest.raises(expected.error, match=pattern) as caught:
        act(*args, **kwargs)
    assert caught.type.__name__ in (expected.error.__name__, "InvalidParameterError")
    assert len(str(caught.value)) <= LONGEST_MESSAGE
    for value, copied in zip(given, before, strict=True):
        assert_untouched(content(value), copied)


def assert_untouched(now, before):
    """Check that the content of an argument is what it was."""
    if isinstance(now, dict):
        for name in now:
            assert_untouched(now[name], before[name])
    elif isinstance(now, np.ndarray) and now.dtype != object:
        assert same(now, before)
    else:
        np.testing.assert_equal(now, before)


def predictors(est):
    """Return the bound methods that predict."""
    names = ("predict", "predict_proba", "predict_log_proba", "decision_function")
    return [getattr(est, name) for name in names if hasattr(est, name)]


def is_for_classes(est):
    """Tell whether an estimator is a classifier."""
    return isinstance(est, MLPClassifier)
