"""Files that hold no weights, or others, are refused by ``load_weights`` and ``pretrained``."""

import copy
import pickle

import numpy as np
import pytest
from catalogue import Call, assert_refused, fitted
from trust import estimator, outputs, problem, same

from skmlp import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


class Hostile:
    """An object whose pickle runs code."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('code in a file was run')",))


def saved(path, est):
    """Write the weights of an estimator; return the bytes."""
    est.save_weights(path)
    return path.read_bytes()


def spoilt(value):
    """Return a function that saves an estimator with a weight that is no number."""

    def write(path, est):
        est.coefs_[0][1, 1] = value
        est.save_weights(path)

    return write


def of_other_data(path, est):
    """Save an estimator of the same kind, of three features."""
    task = "multiclass" if isinstance(est, MLPClassifier) else "regression"
    X, y = problem(task)
    estimator(task, hidden_layer_sizes=(5,)).fit(X[:, :3], y).save_weights(path)


#: How to write a file, the error and what it says.
BAD_FILES = {
    "no file": (lambda path, est: None, FileNotFoundError, "No such file"),
    "folder": (lambda path, est: path.mkdir(), IsADirectoryError, "directory"),
    "empty": (lambda path, est: path.write_bytes(b""), ValueError, "weights|npz|file"),
    "text": (lambda path, est: path.write_text("coefs = 1"), ValueError, "weights|npz|file"),
    "zeros": (lambda path, est: path.write_bytes(bytes(5_000)), ValueError, "file"),
    "picture": (lambda path, est: path.write_bytes(b"\x89PNG\r\n\x1a\n" * 9), ValueError, "file"),
    "pickle": (lambda path, est: path.write_bytes(pickle.dumps(est)), ValueError, "file"),
    "pickled code": (
        lambda path, est: path.write_bytes(pickle.dumps(Hostile())),
        ValueError,
        "file",
    ),
    "archive of code": (
        lambda path, est: np.savez(path.open("wb"), coefs=np.array([Hostile()], dtype=object)),
        ValueError,
        "file|archive|member",
    ),
    "archive of other arrays": (
        lambda path, est: np.savez(path.open("wb"), a=np.ones(3)),
        ValueError,
        "file|archive|member",
    ),
    "half of it": (
        lambda path, est: path.write_bytes(saved(path, est)[:700]),
        ValueError,
        "file|damaged",
    ),
    "all but the last byte": (
        lambda path, est: path.write_bytes(saved(path, est)[:-1]),
        ValueError,
        "file|damaged",
    ),
    "half of it twice": (
        lambda path, est: path.write_bytes(2 * saved(path, est)[:700]),
        ValueError,
        "file|damaged",
    ),
    "not a number": (spoilt(np.nan), ValueError, r"coefs_\[0\] does not consist of finite"),
    "infinity": (spoilt(-np.inf), ValueError, r"coefs_\[0\] does not consist of finite"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_file_is_refused(tmp_path, kind):
    write, error, message = BAD_FILES[kind]
    for task in ("multiclass", "regression"):
        (X, y), path = problem(task), tmp_path / task
        write(path, copy.deepcopy(fitted(task)))
        for est in (estimator(task), fitted(task)):
            assert_refused(est, Call(None, message, error), est.load_weights, path)
        starting = estimator(task, pretrained=str(path))
        assert_refused(starting, Call(None, f"'pretrained' .*({message})"), starting.fit, X, y)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_weights_of_another_network_are_refused_by_a_fitted_one(tmp_path, task):
    of_other_data(tmp_path / "weights", fitted(task))
    est = fitted(task)
    fault = Call(None, r"coefs_\[0\] has shape \(3, 5\).*needs shape \(4, 7\)")
    assert_refused(est, fault, est.load_weights, tmp_path / "weights")


@pytest.mark.parametrize(
    ("task", "other"), [("multiclass", MLPRegressor), ("regression", MLPClassifier)]
)
def test_weights_of_the_other_estimator_are_refused(tmp_path, task, other):
    fitted(task).save_weights(tmp_path / "weights")
    est = other()
    fault = Call(None, r"weights of a '\w+', not of a '\w+'")
    assert_refused(est, fault, est.load_weights, tmp_path / "weights")


@pytest.mark.parametrize("cut", [0, 1, 100, -100, -1])
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_part_of_a_pickle_is_none(task, cut):
    est = fitted(task)
    X, _ = problem(task)
    content = pickle.dumps(est)
    with pytest.raises((EOFError, pickle.UnpicklingError)):
        pickle.loads(content[:cut])
    assert same(outputs(pickle.loads(content), X), outputs(est, X))
