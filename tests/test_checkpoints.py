"""A fit that writes its state to a file ends with the same bits, however often it was killed."""

import os
import signal
import sys
import time

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit
from trust import estimator, problem, same

from skmlp import MLPClassifier
from skmlp.estimators.storage import files
from skmlp.estimators.training import checkpoints

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Crash(BaseException):
    """The end of the process, as far as the fit can tell."""


def left(est):
    """Return all that a fit leaves."""
    arrays = [*est.coefs_, *est.intercepts_, *(v for p in est.layer_params_ for v in p.values())]
    names = "loss_curve_ learning_rate_curve_ validation_scores_ validation_loss_curve_ n_iter_ "
    names += "best_iter_ stopped_by_ t_ checkpoint_epochs_"
    return [*arrays, *(getattr(est, name) for name in names.split())]


def crash(monkeypatch, n_writes, est, *data, **named):
    """Let a fit end right after it has written its file so many times."""
    write, count = files.write, [0]

    def spy(path, tree):
        write(path, tree)
        count[0] += 1
        if count[0] == n_writes:
            raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(files, "write", spy)
        with pytest.raises(Crash):
            est.fit(*data, **named)


PARTS = {
    "sgd": {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 1},
    "adam": {"batch_size": 7},
    "no shuffle": {"shuffle": False, "batch_size": 7},
    "noise": {"dropout": 0.3, "input_noise": 0.1, "batch_norm": True, "batch_size": 20},
    "average": {"average": 0.9, "solver": "adagrad"},
    "schedule free": {"solver": "schedulefree"},
    "rprop": {"solver": "rprop"},
    "schedules": {"learning_rate": "one_cycle", "dropout": 0.2, "dropout_schedule": "flat_cos"},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 3, "tol": 0.0},
    "refit": {"early_stopping": True, "refit": True, "validation_splitter": KFold(3)},
    "divergence": {"on_divergence": "stop", "learning_rate_init": 1.0},
    "thaw": {"frozen_layers": {0: 4}, "keep_checkpoints": 2},
    "scaling": {"feature_scaling": "standard", "batch_norm": "input", "max_norm": 1.0},
}


@pytest.mark.parametrize("n_writes", [1, 4, 8])
@pytest.mark.parametrize("part", PARTS)
def test_a_fit_that_crashed_goes_on_to_the_same_bits(part, n_writes, tmp_path, monkeypatch):
    X, y = problem("multiclass")
    params = {"max_iter": 10, "random_state": 3, **PARTS[part]}
    whole = estimator("multiclass", **params).fit(X, y)
    path = tmp_path / "fit.npz"
    crash(monkeypatch, n_writes, estimator("multiclass", checkpoint_path=path, **params), X, y)
    assert path.exists()
    resumed = estimator("multiclass", checkpoint_path=path, **params).fit(X, y)
    assert same(left(resumed), left(whole))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("task", ["binary", "multilabel", "regression", "poisson", "quantiles"])
@pytest.mark.parametrize("container", [np.asarray, csr_array])
def test_every_kind_of_target_and_data_resumes(task, container, tmp_path, monkeypatch):
    X, y = problem(task)
    X, weight = container(X), np.linspace(1, 2, X.shape[0])
    whole = estimator(task, max_iter=6).fit(X, y, weight)
    path = str(tmp_path / "fit")
    crash(monkeypatch, 3, estimator(task, max_iter=6, checkpoint_path=path), X, y, weight)
    resumed = estimator(task, max_iter=6, checkpoint_path=path).fit(X, y, weight)
    assert same(left(resumed), left(whole))


def test_a_seed_from_the_system_goes_on_too(tmp_path, monkeypatch):
    X, y = problem("multiclass")
    path, seen = tmp_path / "fit.npz", []
    params = {"random_state": None, "early_stopping": True, "max_iter": 8, "batch_size": 5}
    crash(monkeypatch, 4, estimator("multiclass", checkpoint_path=path, **params), X, y)
    for _ in range(2):
        copy = files.read(path)
        seen.append(estimator("multiclass", checkpoint_path=path, **params).fit(X, y))
        files.write(path, copy)
    assert same(left(seen[0]), left(seen[1]))


def test_the_file_is_written_as_often_as_asked(tmp_path, monkeypatch):
    X, y = problem("multiclass")
    epochs, write = [], files.write

    def spy(path, tree):
        epochs.append(tree["training"]["progress"]["epoch"])
        write(path, tree)

    monkeypatch.setattr(files, "write", spy)
    path = tmp_path / "fit.npz"
    estimator("multiclass", max_iter=9, checkpoint_path=path, checkpoint_every=3).fit(X, y)
    assert epochs == [3, 6]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"alpha": 1.0}, "alpha"),
        ({"hidden_layer_sizes": (3,)}, "hidden_layer_sizes"),
        ({"max_iter": 11}, "max_iter"),
        ({"random_state": 9}, "random_state"),
        ({"activation": ["tanh"]}, "activation"),
    ],
)
def test_other_parameters_are_refused(changed, named, tmp_path, monkeypatch):
    X, y = problem("multiclass")
    path = tmp_path / "fit.npz"
    crash(monkeypatch, 1, estimator("multiclass", checkpoint_path=path), X, y)
    before = path.read_bytes()
    other = estimator("multiclass", checkpoint_path=path, **changed)
    with pytest.raises(ValueError, match=f"checkpoint_path.*{named}.*Delete the file"):
        other.fit(X, y)
    assert path.read_bytes() == before
    assert not hasattr(other, "coefs_")


@pytest.mark.parametrize("changed", ["X", "y", "weight", "rows", "validation"])
def test_other_data_are_refused(changed, tmp_path, monkeypatch):
    X, y = problem("regression")
    path = tmp_path / "fit.npz"
    crash(monkeypatch, 1, estimator("regression", checkpoint_path=path), X, y)
    given = {
        "X": ((X + np.eye(*X.shape), y), {}),
        "y": ((X, y * (np.arange(len(y)) > 0)), {}),
        "weight": ((X, y, np.arange(len(y))), {}),
        "rows": ((X[1:], y[1:]), {}),
        "validation": ((X, y), {"X_val": X, "y_val": y}),
    }
    arguments, named = given[changed]
    with pytest.raises(ValueError, match=r"has other .*data"):
        estimator("regression", checkpoint_path=path).fit(*arguments, **named)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04" + bytes(100)])
def test_a_damaged_file_is_refused(content, tmp_path):
    X, y = problem("regression")
    path = tmp_path / "fit.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"fit\.npz"):
        estimator("regression", checkpoint_path=path).fit(X, y)
    files.write(path, {"of": {}, "else": 1})
    with pytest.raises(ValueError, match="no checkpoint"):
        estimator("regression", checkpoint_path=path).fit(X, y)


def test_a_missing_folder_is_found_before_the_training(tmp_path):
    X, y = problem("regression")
    est = estimator("regression", checkpoint_path=tmp_path / "missing" / "fit.npz")
    with pytest.raises(ValueError, match="checkpoint_path: there is no folder"):
        est.fit(X, y)
    assert not hasattr(est, "coefs_")


def test_lbfgs_takes_no_file(tmp_path):
    X, y = problem("regression")
    with pytest.raises(ValueError, match="'checkpoint_path' parameter needs a first-order solver"):
        estimator("regression", solver="lbfgs", checkpoint_path=tmp_path / "a").fit(X, y)


def test_partial_fit_writes_no_file(tmp_path):
    X, y = problem("regression")
    estimator("regression", checkpoint_path=tmp_path / "a").partial_fit(X, y)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_fit_keeps_its_file(tmp_path):
    X, y = problem("multiclass")

    def interrupt(model, X, y):
        if len(model.loss_curve_) == 1:
            raise KeyboardInterrupt
        return 0.0

    path = tmp_path / "fit.npz"
    est = estimator("multiclass", checkpoint_path=path, early_stopping=True, scoring=interrupt)
    with pytest.warns(UserWarning, match="interrupted"):
        est.fit(X, y)
    assert est.stopped_by_ == "interrupt"
    assert path.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Processes are forked.")
@pytest.mark.skipif(sys.platform == "darwin", reason="Its BLAS does not survive a fork.")
def test_a_process_killed_at_twenty_random_moments(tmp_path):
    X, y = problem("multiclass", n=400)
    path = tmp_path / "fit.npz"

    def fit(path):
        params = {"dropout": 0.2, "batch_norm": True, "batch_size": 20, "average": 0.99}
        params |= {"early_stopping": True, "refit": True, "n_iter_no_change": 10**6}
        est = MLPClassifier((16,), max_iter=40, random_state=0, checkpoint_path=path, **params)
        return est.fit(X, y)

    start = time.monotonic()
    whole = fit(None)
    longest = (time.monotonic() - start) / 4
    moments = np.random.RandomState(0)
    for _ in range(20):
        child = os.fork()
        if child == 0:
            fit(path)
            os._exit(0)
        time.sleep(moments.uniform(0.0, longest))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert same(left(fit(path)), left(whole))
    assert list(tmp_path.iterdir()) == []


OBJECTS = {
    "validation_splitter": lambda seed: ShuffleSplit(random_state=seed),
    "pretrained": lambda seed: (
        estimator("multiclass", random_state=seed).fit(*problem("multiclass")).get_weights()
    ),
    "class_weight": lambda seed: {0: seed + 1.0},
}


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_of_the_same_class_are_told_apart_by_what_they_hold(name, tmp_path, monkeypatch):
    X, y = problem("multiclass", n=120)
    params = {"early_stopping": True, "checkpoint_path": tmp_path / "fit.npz"}
    make = OBJECTS[name]
    crash(monkeypatch, 2, estimator("multiclass", **params, **{name: make(0)}), X, y)
    with pytest.raises(ValueError, match=f"has other .*{name}"):
        estimator("multiclass", **params, **{name: make(1)}).fit(X, y)
    resumed = estimator("multiclass", **params, **{name: make(0)}).fit(X, y)
    whole = estimator("multiclass", early_stopping=True, **{name: make(0)}).fit(X, y)
    assert same(left(resumed), left(whole))


def test_other_groups_are_refused(tmp_path, monkeypatch):
    X, y = problem("multiclass", n=120)
    params = {"early_stopping": True, "validation_splitter": GroupKFold(3)}
    est = estimator("multiclass", checkpoint_path=tmp_path / "fit.npz", **params)
    groups = np.arange(120) // 10
    crash(monkeypatch, 2, est, X, y, groups=groups)
    with pytest.raises(ValueError, match=r"has other .*groups"):
        est.fit(X, y, groups=groups[::-1])
    whole = estimator("multiclass", **params).fit(X, y, groups=groups)
    assert same(left(est.fit(X, y, groups=groups)), left(whole))


def test_a_splitter_without_a_seed_is_not_asked_again(tmp_path, monkeypatch):
    X, y = problem("multiclass", n=120)
    path = tmp_path / "fit.npz"
    est = estimator("multiclass", early_stopping=True, validation_splitter=ShuffleSplit())
    crash(monkeypatch, 2, est.set_params(checkpoint_path=path), X, y)
    parts = files.read(path)["training"]["parts"]
    monkeypatch.setattr("skmlp.estimators.training.training.splitter_rows", forbidden)
    est.fit(X, y)
    monkeypatch.undo()
    known = estimator("multiclass", early_stopping=True, validation_splitter=Known(parts))
    assert same(left(est), left(known.fit(X, y)))


def forbidden(*args):
    raise AssertionError("the rows are known")


class Known:
    """A splitter that knows its only split."""

    def __init__(self, parts):
        self.parts = parts

    def split(self, X, y=None, groups=None):
        yield self.parts

    def get_n_splits(self, X=None, y=None, groups=None):
        return 1


def test_the_file_of_a_warm_start_is_about_its_weights(tmp_path, monkeypatch):
    X, y = problem("multiclass")
    est = estimator("multiclass", warm_start=True, checkpoint_path=tmp_path / "fit.npz").fit(X, y)
    crash(monkeypatch, 2, est, X, y)
    fresh = estimator("multiclass", warm_start=True, checkpoint_path=tmp_path / "fit.npz")
    with pytest.raises(ValueError, match="weights to start from"):
        fresh.fit(X, y)


def test_the_checksum_tells_data_apart_by_value_alone():
    X, y = problem("multiclass")
    data = checkpoints.TrainingSet(X, y, None)
    assert checkpoints._checksum(data) == checkpoints._checksum(data._replace(X=X.copy()))
    assert checkpoints._checksum(data) != checkpoints._checksum(data._replace(X=X[:, ::-1]))
    assert checkpoints._checksum(data) != checkpoints._checksum(data._replace(weight=np.ones(9)))
