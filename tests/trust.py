"""What the tests of trust share: small problems, and what "unchanged" means."""

import copy
import os
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from sklearn.datasets import make_regression
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted

from skmlp import MLPClassifier, MLPRegressor

ESTIMATORS = (MLPClassifier, MLPRegressor)

#: Messages of more characters nobody reads.
LONGEST_MESSAGE = 600

CLASSIFICATION = ("binary", "multiclass", "multilabel", "class-columns")
REGRESSION = ("regression", "multi-output", "poisson", "quantiles")
TASKS = (*CLASSIFICATION, *REGRESSION)

#: For scikit-learn's checks, whose rows are few: a small network and a short training at a
#: high rate. Some of them set no seed.
QUICK = {
    "hidden_layer_sizes": (20,),
    "max_iter": 20,
    "learning_rate_init": 0.03,
    "random_state": 0,
}

#: Constructor arguments that a task needs.
LOSSES = {
    "poisson": {"loss": "poisson"},
    "quantiles": {"loss": "quantile", "quantile": (0.1, 0.5, 0.9)},
}


def problem(task, n=60, n_features=4, dtype=np.float64):
    """Return X and y of a small problem that can be learnt."""
    rng = np.random.RandomState(0)
    X = rng.randn(n, n_features)
    score = X @ rng.randn(n_features, 3)
    y = {
        "binary": lambda: (score[:, 0] > 0).astype(int),
        "multiclass": lambda: score.argmax(axis=1),
        "multilabel": lambda: (score > 0).astype(int),
        "class-columns": lambda: np.c_[score.argmax(axis=1), 1 * (score[:, 0] > 0)],
        "regression": lambda: score[:, 0],
        "quantiles": lambda: score[:, 0],
        "multi-output": lambda: score[:, :2],
        "poisson": lambda: rng.poisson(np.exp(score[:, 0] / 2)).astype(float),
    }[task]()
    return X.astype(dtype), y


def kind_of(task):
    """Return the estimator for a task."""
    return MLPClassifier if task in CLASSIFICATION else MLPRegressor


def estimator(task, **params):
    """Return a small unfitted estimator for a task."""
    params = {**LOSSES.get(task, {}), **params}
    return kind_of(task)(**{"hidden_layer_sizes": (7,), "max_iter": 3, "random_state": 0, **params})


def first_partial_fit(est, X, y, **data):
    """Call partial_fit as it has to be called the first time."""
    if isinstance(est, MLPClassifier) and np.ndim(y):
        data = {"classes": classes_of(y), **data}
    return est.partial_fit(X, y, **data)


def classes_of(y):
    """Return what partial_fit takes as the classes of y."""
    if np.ndim(y) == 1:
        return np.unique(y)
    indicator = np.isin(y, (0, 1)).all()
    return np.arange(np.shape(y)[1]) if indicator else [np.unique(column) for column in y.T]


def outputs(est, X):
    """Return everything an estimator predicts."""
    names = ("predict", "predict_proba", "predict_log_proba", "decision_function")
    results = {name: getattr(est, name)(X) for name in names if hasattr(est, name)}
    lists = {name: result for name, result in results.items() if isinstance(result, list)}
    columns = {f"{name}_{j}": part for name in lists for j, part in enumerate(lists[name])}
    return {name: result for name, result in results.items() if name not in lists} | columns


def is_plain(value):
    """Tell whether a value consists of arrays, numbers, strings, lists, dicts, tuples, None."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_plain(item) for key, item in value.items())
    if type(value) in (list, tuple):
        return all(is_plain(item) for item in value)
    return value is None or isinstance(value, np.ndarray | np.generic | str | bool | int | float)


def same(a, b):
    """Tell whether two values are the same to the last bit; others than plain ones, the same."""
    if not is_plain(a):
        return a is b
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return _same_numbers(a, b)


def _same_numbers(a, b):
    """Compare arrays, numbers and strings; NaN is the same as NaN."""
    a, b = np.asarray(a), np.asarray(b)
    if (a.dtype, a.shape) != (b.dtype, b.shape):
        return False
    return np.array_equal(a, b) if a.dtype == object else a.tobytes() == b.tobytes()


def recorded(est, X):
    """Return copies of all attributes and predictions of an estimator."""
    attributes = {
        name: copy.deepcopy(value) if is_plain(value) else value
        for name, value in vars(est).items()
    }
    return attributes, outputs(est, X) if is_fitted(est) else None


def is_fitted(est):
    """Ask scikit-learn, which asks for attributes that end in an underscore."""
    try:
        check_is_fitted(est)
    except NotFittedError:
        return False
    return True


@contextmanager
def unchanged(est, X):
    """Fail if what happens inside changes an attribute or a prediction."""
    before = recorded(est, X)
    yield
    after = recorded(est, X)
    assert set(before[0]) == set(after[0])
    assert [name for name in before[0] if not same(before[0][name], after[0][name])] == []
    assert same(before[1], after[1])
    if before[1] is None:
        with pytest.raises(NotFittedError):
            est.predict(X)


def assert_checks(est, expected_to_fail=None, not_applicable=None):
    """Run scikit-learn's checks as one case, and demand that each passes.

    Those expected to fail have to fail. Those that do not apply have to be skipped by
    scikit-learn itself, each in words that contain the given ones.
    """
    failing, words = expected_to_fail or {}, not_applicable or {}
    due = dict.fromkeys(failing, "xfail") | dict.fromkeys(words, "skipped")
    with checks_for(est):
        results = check_estimator(est, expected_failed_checks=failing, on_skip=None, on_fail=None)
    for result in results:
        name, status, exception = result["check_name"], result["status"], result["exception"]
        if status != due.get(name, "passed") or words.get(name, "") not in str(exception):
            raise AssertionError(f"{name} of {est} is {status}: {exception}") from exception
    assert due.keys() <= {result["check_name"] for result in results}


def checks_for(est):
    """Return a context in which scikit-learn's checks draw targets that an estimator takes.

    `check_regressor_multioutput` does not look at the tag positive_only, as others do.
    """
    if not est.__sklearn_tags__().target_tags.positive_only:
        return nullcontext()
    # Those of one column are cached for all estimators, and made positive by each check.
    return patch.object(estimator_checks, "make_regression", positive_columns)


def positive_columns(**options):
    """Draw a problem of regression; if it has several targets, positive ones."""
    X, y = make_regression(**options)
    return X, y if y.ndim == 1 else 1.0 + y - y.min()


def run_python(code, **environment):
    """Run Python code in another process, which finds the package and the tests.

    A minute is many times what any of the tests needs: who takes longer has lost its way.
    """
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )
