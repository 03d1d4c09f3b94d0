"""scikit-learn's callbacks hear of each epoch, and what they hear is what they may rely on."""

import copy
import inspect
import math
import pickle
import warnings
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, PredefinedSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from trust import TASKS, estimator, first_partial_fit, outputs, problem, run_python, same, unchanged

from skmlp import MLPClassifier, MLPRegressor

try:
    from sklearn.callback import ProgressBar, ScoringMonitor
except ImportError:  # scikit-learn < 1.9
    ProgressBar = ScoringMonitor = None

needs_callbacks = pytest.mark.skipif(ScoringMonitor is None, reason="scikit-learn has none")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

#: What a training leaves on an estimator only while it lasts.
TRANSIENT = {"_callback_fit_ctx", "_skl_callbacks_to_teardown", "_parent_callback_ctx"}

#: Ways to train, each with what it needs.
WAYS = {
    "adam": {},
    "sgd": {"solver": "sgd"},
    "lbfgs": {"solver": "lbfgs"},
    "average": {"average": True},
    "schedule_free": {"solver": "schedulefree"},
    "batch_norm": {"batch_norm": True},
    "dropout": {"dropout": 0.5},
    "scaling": {"feature_scaling": "standard"},
    "early_stopping": {"early_stopping": True},
    "refit": {"early_stopping": True, "refit": True},
    "frozen": {"frozen_layers": {0: 1}},
}


class Silent:
    """Hears everything and asks for nothing."""

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        pass


class Recorder(Silent):
    """Takes note of every call."""

    def __init__(self):
        self.calls = []

    def setup(self, estimator, context):
        self.calls.append(("setup", context.max_subtasks))

    def teardown(self, estimator, context):
        self.calls.append(("teardown",))

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context):
        self.calls.append(("end", context.task_name, context.task_id))


class AtEnd(Silent):
    """Calls a function of everything there is to know at the end of each task."""

    def __init__(self, act):
        self.act = act

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        return self.act(
            estimator=estimator,
            task=context.task_name,
            X=X,
            y=y,
            metadata=metadata,
            fitted=fitted_estimator,
        )


class Failing(Silent):
    """Raises an error in one of its methods."""

    def __init__(self, method, task="epoch"):
        self.method, self.task = method, task
        self.left = []

    def _fail(self, method, context):
        if method == self.method and context.task_name in (self.task, None):
            raise OSError("disk full")

    def setup(self, estimator, context):
        if self.method == "setup":
            raise OSError("disk full")

    def teardown(self, estimator, context):
        self.left.append(estimator)
        if self.method == "teardown":
            raise OSError("disk full")

    def on_fit_task_begin(self, estimator, context):
        self._fail("on_fit_task_begin", context)

    def on_fit_task_end(self, estimator, context):
        self._fail("on_fit_task_end", context)


class Stopping(Silent):
    """Ends the training after some epochs."""

    def __init__(self, n_epochs):
        self.left = n_epochs

    def on_fit_task_end(self, estimator, context):
        self.left -= context.task_name == "epoch"
        return context.task_name == "epoch" and self.left <= 0


def told(est, *data, **more):
    """Fit; return what a callback was told at the end of each epoch, and at the end."""
    epochs: list[dict[str, Any]] = []
    root: list[dict[str, Any]] = []

    def note(**known):
        (epochs if known["task"] == "epoch" else root).append(known)

    est.set_callbacks(AtEnd(note)).fit(*data, **more)
    (whole,) = root
    return epochs, whole


def trained(est):
    """Return what a fit leaves."""
    layers = [array for layer in est.layer_params_ for array in layer.values()]
    return [*est.coefs_, *est.intercepts_, *layers, est.loss_curve_, est.n_iter_, est.stopped_by_]


# -- hooks -----------------------------------------------------------------------------


@needs_callbacks
@pytest.mark.parametrize("task", TASKS)
def test_each_epoch_begins_and_ends(task):
    recorder = Recorder()
    estimator(task, max_iter=3).set_callbacks(recorder).fit(*problem(task))
    epochs = [(hook, "epoch", i) for i in range(3) for hook in ("begin", "end")]
    assert recorder.calls == [
        ("setup", 3),
        ("begin", "fit", 0),
        *epochs,
        ("end", "fit", 0),
        ("teardown",),
    ]


@needs_callbacks
def test_surplus_epoch_of_lbfgs_is_closed_empty():
    X, y = problem("multiclass")
    recorder = Recorder()
    est = estimator("multiclass", solver="lbfgs", max_iter=4)
    epochs, _ = told(est, X, y)
    est.set_callbacks(recorder).fit(X, y)
    ids = [call[1:] for call in recorder.calls if call[0] == "end"]
    assert ids == [call[1:] for call in recorder.calls if call[:2] == ("begin", "epoch")] + [
        ("fit", 0)
    ]
    assert recorder.calls[0] == ("setup", 5)
    assert est.n_iter_ == 4
    assert [epoch["fitted"] is None for epoch in epochs] == [False] * 4 + [True]


@needs_callbacks
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_refit_has_its_epochs_under_the_same_root(solver):
    X, y = problem("multiclass", n=100)
    recorder = Recorder()
    params = {"early_stopping": True, "refit": True, "max_iter": 6, "solver": solver}
    est = estimator("multiclass", **params).set_callbacks(recorder).fit(X, y)
    begun = [call for call in recorder.calls if call[:2] == ("begin", "epoch")]
    ended = [call for call in recorder.calls if call[:2] == ("end", "epoch")]
    assert [call[2] for call in begun] == [call[2] for call in ended] == [*range(len(begun))]
    first = len(est.validation_scores_)
    assert len(begun) == first + est.best_iter_ + 2 * (solver == "lbfgs")
    assert recorder.calls[0][1] >= len(begun)
    assert recorder.calls.count(("teardown",)) == 1


@needs_callbacks
@pytest.mark.parametrize("task", TASKS)
def test_partial_fit_is_one_epoch(task):
    X, y = problem(task)
    recorder = Recorder()
    est = estimator(task).set_callbacks(recorder)
    for _ in range(3):
        first_partial_fit(est, X, y)
    once = [("setup", 1), ("begin", "fit", 0), ("begin", "epoch", 0), ("end", "epoch", 0)]
    assert recorder.calls == 3 * [*once, ("end", "fit", 0), ("teardown",)]
    assert est.n_iter_ == 3


@needs_callbacks
def test_more_fits_of_a_warm_start_are_heard():
    X, y = problem("multiclass")
    est = estimator("multiclass", warm_start=True, max_iter=2)
    assert [len(told(est, X, y)[0]) for _ in range(3)] == [2, 2, 2]


@needs_callbacks
def test_epoch_that_ends_by_time_is_heard():
    X, y = problem("multiclass")
    est = estimator("multiclass", max_iter=100, max_time=1e-9)
    epochs, _ = told(est, X, y)
    assert est.stopped_by_ == "max_time"
    assert [known["fitted"].n_iter_ for known in epochs] == [est.n_iter_] == [1]


def test_partial_fit_keeps_its_signature():
    for kind in (MLPClassifier, MLPRegressor):
        names = [*inspect.signature(kind.partial_fit).parameters]
        assert names[:4] == ["self", "X", "y", "sample_weight"]
        assert "X_val" in names
        assert hasattr(kind(), "set_partial_fit_request")
        assert not hasattr(kind(solver="lbfgs"), "partial_fit")


# -- what callbacks are given ------------------------------------------------------------


@needs_callbacks
def test_rows_are_those_of_the_user():
    X, y = problem("multiclass")
    frame, labels = pd.DataFrame(X, columns=list("abcd")), pd.Series(np.array(list("xyz"))[y])
    weight = list(np.linspace(0.5, 2.0, len(X)))
    epochs, whole = told(estimator("multiclass"), frame, labels, weight)
    for known in (*epochs, whole):
        assert known["X"] is frame
        assert known["y"] is labels
        assert known["metadata"].keys() == {"sample_weight"}
        np.testing.assert_array_equal(known["metadata"]["sample_weight"], weight)


@needs_callbacks
@pytest.mark.parametrize("given", [None, 2.0])
def test_weights_are_none_or_as_many_as_rows(given):
    X, y = problem("multiclass", n=100)
    est = estimator("multiclass", class_weight="balanced", early_stopping=True)
    epochs, _ = told(est, X, y, given)
    for known in epochs:
        if given is None:
            assert known["metadata"] is None
        else:
            weight = known["metadata"]["sample_weight"]
            np.testing.assert_array_equal(weight, np.full(len(known["X"]), given))


@needs_callbacks
@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame, list])
def test_held_out_rows_are_left_out(container):
    X, y = problem("multiclass", n=100)
    weight = np.arange(1.0, 101.0)
    held_out = np.arange(0, 100, 5)
    fold = np.full(100, -1)
    fold[held_out] = 0
    est = estimator(
        "multiclass", early_stopping=True, validation_splitter=PredefinedSplit(fold), max_iter=3
    )
    epochs, whole = told(est, container(X), y, weight)
    for known in (*epochs, whole):
        np.testing.assert_array_equal(np.asarray(known["X"]), np.delete(X, held_out, axis=0))
        np.testing.assert_array_equal(known["y"], np.delete(y, held_out))
        rows = known["metadata"]["sample_weight"]
        np.testing.assert_array_equal(rows, np.delete(weight, held_out))


@needs_callbacks
def test_drawn_rows_to_train_on_are_those_that_are_trained_on():
    X, y = problem("regression", n=100)
    est = estimator("regression", early_stopping=True, solver="lbfgs", max_iter=2, alpha=0.0)
    epochs, _ = told(est, X, y)
    for known in epochs[:2]:
        loss = np.mean((known["y"] - known["fitted"].predict(known["X"])) ** 2) / 2
        assert loss == pytest.approx(known["fitted"].loss_, rel=1e-9)
        assert len(known["y"]) == 90


@needs_callbacks
def test_refit_shows_all_rows():
    X, y = problem("multiclass", n=100)
    est = estimator("multiclass", early_stopping=True, refit=True, max_iter=3)
    epochs, whole = told(est, X, y)
    sizes = [len(known["X"]) for known in epochs]
    assert sizes == [90] * 3 + [100] * est.best_iter_
    assert whole["X"] is X


@needs_callbacks
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_fitted_estimators_are_those_of_their_epochs(task, way):
    X, y = problem(task, n=100)
    est = estimator(task, max_iter=4, **WAYS[way])
    epochs, whole = told(est, X, y)
    fitted = [known["fitted"] for known in epochs if known["fitted"] is not None]
    if way != "refit":
        assert [f.n_iter_ for f in fitted] == [*range(1, len(fitted) + 1)]
        assert [len(f.loss_curve_) for f in fitted] == [*range(1, len(fitted) + 1)]
    assert len({outputs(f, X)["predict"].tobytes() for f in fitted}) > 1 or task == "multiclass"
    assert len({f.coefs_[-1].tobytes() for f in fitted}) == len(fitted)
    assert same(outputs(whole["fitted"], X), outputs(est, X))
    for n_epochs, f in enumerate(fitted, 1):
        if way in ("adam", "sgd", "batch_norm", "scaling"):  # a prefix of the same training
            shorter = estimator(task, max_iter=n_epochs, **WAYS[way]).fit(X, y)
            assert same(trained(f)[:-1], trained(shorter)[:-1])
            assert same(outputs(f, X), outputs(shorter, X))


@needs_callbacks
def test_estimator_shows_its_curves_as_they_grow():
    X, y = problem("multiclass", n=100)
    seen = []

    def look(estimator, task, **rest):
        if task == "epoch":
            seen.append((estimator.loss_curve_[:], estimator.validation_scores_[:]))
            assert estimator.n_iter_ == len(estimator.loss_curve_)
            assert estimator.stopped_by_ is None
            estimator.predict(X)

    est = estimator("multiclass", early_stopping=True, max_iter=4)
    est.set_callbacks(AtEnd(look)).fit(X, y)
    expected = [(est.loss_curve_[:n], est.validation_scores_[:n]) for n in range(1, 5)]
    assert seen == expected


@needs_callbacks
def test_a_new_fit_does_not_show_the_curves_of_the_last():
    X, y = problem("multiclass")
    lengths = []

    class AtBegin(Silent):
        def on_fit_task_begin(self, estimator, context):
            lengths.append((len(estimator.loss_curve_), estimator.n_iter_))

    est = estimator("multiclass", max_iter=2).fit(X, y)
    est.set_callbacks(AtBegin()).fit(X, y)
    assert lengths == [(0, 0), (0, 0), (1, 1)]


@needs_callbacks
def test_attributes_that_a_callback_sets_stay():
    X, y = problem("multiclass")

    def mark(estimator, task, **rest):
        estimator.marked_ = task

    assert estimator("multiclass").set_callbacks(AtEnd(mark)).fit(X, y).marked_ == "fit"


@needs_callbacks
def test_rows_and_copies_are_made_only_if_asked_for(monkeypatch):
    from skmlp.estimators.training import callbacks

    def forbidden(*args):
        raise AssertionError("nobody asked")

    monkeypatch.setattr(callbacks._Epochs, "_snapshot", forbidden)
    monkeypatch.setattr(callbacks.Examples, "taken", forbidden)
    X, y = problem("multiclass", n=100)
    estimator("multiclass", early_stopping=True).set_callbacks(Recorder()).fit(X, y)


@needs_callbacks
def test_no_context_without_callbacks(monkeypatch):
    def forbidden(*args, **kwargs):
        raise AssertionError("nobody listens")

    monkeypatch.setattr("sklearn.callback.CallbackContext._from_estimator", forbidden)
    estimator("multiclass").fit(*problem("multiclass"))


@needs_callbacks
def test_search_without_callbacks_makes_no_context_an_epoch(monkeypatch):
    names = []
    from sklearn.callback import CallbackContext

    made = CallbackContext.subcontext

    def noting(self, task_name="", **more):
        names.append(task_name)
        return made(self, task_name=task_name, **more)

    monkeypatch.setattr(CallbackContext, "subcontext", noting)
    search = GridSearchCV(estimator("multiclass"), {"alpha": [1e-4, 1.0]}, cv=2)
    search.fit(*problem("multiclass"))
    assert "epoch" not in names
    assert names


# -- stopping ----------------------------------------------------------------------------


@needs_callbacks
@pytest.mark.parametrize("way", [way for way in WAYS if way != "refit"])
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_callback_ends_training(task, way):
    X, y = problem(task, n=100)
    est = estimator(task, max_iter=50, **WAYS[way])
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        est.set_callbacks(Stopping(5)).fit(X, y)
    assert est.stopped_by_ == "callback"
    assert est.n_iter_ == len(est.loss_curve_) == 5
    if way == "early_stopping":
        best = np.argmax(est.validation_scores_) + 1
        shorter = estimator(task, max_iter=best, **WAYS[way]).fit(X, y)
        assert est.best_iter_ == best
        assert same(est.coefs_, shorter.coefs_)


@needs_callbacks
def test_callback_ends_partial_fit():
    X, y = problem("multiclass")
    est = estimator("multiclass").set_callbacks(Stopping(2))
    reasons = [first_partial_fit(est, X, y).stopped_by_ for _ in range(2)]
    assert reasons == [None, "callback"]
    assert est.n_iter_ == 2


@needs_callbacks
def test_answer_to_the_whole_call_changes_nothing():
    X, y = problem("multiclass")
    est = estimator("multiclass").set_callbacks(AtEnd(lambda task, **rest: task == "fit"))
    assert est.fit(X, y).stopped_by_ == "max_iter"


# -- failing -----------------------------------------------------------------------------

HOOKS = [
    ("setup", None),
    ("on_fit_task_begin", "fit"),
    ("on_fit_task_begin", "epoch"),
    ("on_fit_task_end", "epoch"),
    ("on_fit_task_end", "fit"),
    ("teardown", None),
]


@needs_callbacks
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(("hook", "task"), HOOKS)
@pytest.mark.parametrize("fitted", [False, True])
def test_error_in_a_callback_changes_nothing(fitted, hook, task, solver):
    X, y = problem("multiclass")
    est = estimator("multiclass", warm_start=True, solver=solver)
    if fitted:
        est.fit(X, y)
    callback = Failing(hook, task)
    est.set_callbacks(callback)
    with unchanged(est, X), pytest.raises(OSError, match="disk full"):
        est.fit(X, y)
    assert len(callback.left) == 1
    assert not TRANSIENT & vars(est).keys()
    assert not TRANSIENT & vars(callback.left[0]).keys()


@needs_callbacks
@pytest.mark.parametrize(("hook", "task"), HOOKS)
def test_error_in_a_callback_changes_nothing_in_partial_fit(hook, task):
    X, y = problem("regression")
    est = estimator("regression").partial_fit(X, y)
    callback = Failing(hook, task)
    est.set_callbacks(callback)
    with unchanged(est, X), pytest.raises(OSError, match="disk full"):
        est.partial_fit(X, y)
    assert len(callback.left) == 1


@needs_callbacks
def test_all_that_were_set_up_take_leave():
    X, y = problem("multiclass")
    first, second, third = Recorder(), Failing("setup"), Recorder()
    est = estimator("multiclass").set_callbacks(first, second, third)
    with pytest.raises(OSError, match="disk full"):
        est.fit(X, y)
    assert first.calls[-1] == ("teardown",)
    assert len(second.left) == 1
    assert third.calls == []


@needs_callbacks
@pytest.mark.parametrize("bad", [{"X": np.full((60, 4), np.nan)}, {"y": np.zeros(3)}])
def test_bad_input_is_refused_before_callbacks_are_set_up(bad):
    X, y = problem("multiclass")
    recorder = Recorder()
    with pytest.raises(ValueError, match=r"NaN|inconsistent"):
        estimator("multiclass").set_callbacks(recorder).fit(**{"X": X, "y": y, **bad})
    assert recorder.calls == []


@needs_callbacks
@pytest.mark.parametrize("on_divergence", ["raise", "stop"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_divergence_is_heard_as_the_end(on_divergence, solver):
    X, y = problem("regression")
    recorder, monitor = Recorder(), ScoringMonitor(scoring="r2")
    params = {"solver": solver, "learning_rate_init": 1e200, "activation": "identity"}
    est = estimator("regression", max_iter=50, on_divergence=on_divergence, **params)
    est.set_callbacks(recorder, monitor)
    with suppress(ValueError):
        est.fit(X, y)
    assert recorder.calls[-1] == ("teardown",)
    assert (("end", "fit", 0) in recorder.calls) == (on_divergence == "stop")
    assert not TRANSIENT & vars(est).keys()
    assert hasattr(est, "coefs_") == (on_divergence == "stop")


@needs_callbacks
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_interrupt_in_a_callback_keeps_a_usable_estimator(solver, monkeypatch):
    monkeypatch.setattr("skmlp.estimators.training.interrupts._last", -math.inf)
    X, y = problem("multiclass")

    def interrupt(estimator, task, **rest):
        if task == "epoch" and estimator.n_iter_ == 3:
            raise KeyboardInterrupt

    recorder = Recorder()
    est = estimator("multiclass", max_iter=50, solver=solver)
    est.set_callbacks(AtEnd(interrupt), recorder)
    with pytest.warns(UserWarning, match="interrupted"):
        est.fit(X, y)
    assert est.stopped_by_ == "interrupt"
    assert est.n_iter_ == 3
    assert recorder.calls[-2:] == [("end", "fit", 0), ("teardown",)]
    est.predict(X)


@needs_callbacks
def test_only_callbacks_can_be_set():
    for wrong in (Recorder, object(), print, None):
        with pytest.raises(TypeError, match="FitCallback"):
            MLPClassifier().set_callbacks(wrong)


# -- results -----------------------------------------------------------------------------


@needs_callbacks
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("task", ["multiclass", "multilabel", "regression"])
def test_callbacks_do_not_change_the_result(task, way):
    X, y = problem(task, n=100)
    plain = estimator(task, max_iter=6, warm_start=True, **WAYS[way]).fit(X, y)
    heard = estimator(task, max_iter=6, warm_start=True, **WAYS[way])
    curious = AtEnd(lambda fitted, **rest: None if fitted is None else fitted.predict(X) is None)
    heard.set_callbacks(curious, Recorder()).fit(X, y)
    assert same(trained(heard), trained(plain))
    assert same(heard._resume, plain._resume)
    assert vars(heard).keys() == vars(plain).keys() | {"_skl_callbacks"}
    assert same(trained(heard.fit(X, y)), trained(plain.fit(X, y)))


@needs_callbacks
def test_what_a_callback_does_to_its_copy_stays_there():
    X, y = problem("multiclass")
    plain = estimator("multiclass", batch_norm=True).fit(X, y)

    def spoil(fitted, task, **rest):
        if task == "epoch":
            for array in (*fitted.coefs_, *fitted.intercepts_, *fitted.layer_params_[0].values()):
                array[:] = np.nan
            fitted.loss_curve_.clear()

    heard = estimator("multiclass", batch_norm=True).set_callbacks(AtEnd(spoil)).fit(X, y)
    assert same(trained(heard), trained(plain))


def test_shallow_copies_share_what_is_fitted():
    X, y = problem("multiclass")
    est = estimator("multiclass").fit(X, y)
    twin = copy.copy(est)
    assert twin._model is est._model
    assert all(a is b for a, b in zip(twin.coefs_, est.coefs_, strict=True))
    with unchanged(est, X):
        twin.set_params(max_iter=7).fit(X, y)


@needs_callbacks
def test_copies_can_be_fitted_further():
    X, y = problem("multiclass")
    kept = []
    est = estimator("multiclass", max_iter=3)
    est.set_callbacks(AtEnd(lambda fitted, **rest: kept.append(fitted))).fit(X, y)
    before = [array.copy() for array in est.coefs_]
    for fitted in kept:
        fitted.set_callbacks().partial_fit(X, y)
        fitted.fit(X, y)
    assert same(est.coefs_, before)


# -- pickles, clones, other estimators ------------------------------------------------------


class Pickling(Silent):
    """Pickles what it is given, as a callback does that writes checkpoints."""

    def __init__(self):
        self.pickled = []

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.pickled += [pickle.dumps(est) for est in (estimator, fitted_estimator)]


@needs_callbacks
def test_estimators_are_pickled_amid_a_fit():
    X, y = problem("multiclass")
    callback = Pickling()
    est = estimator("multiclass", max_iter=2).set_callbacks(callback).fit(X, y)
    loaded = [pickle.loads(pickled) for pickled in callback.pickled]
    assert [e.n_iter_ for e in loaded] == [1, 1, 2, 2, 2, 2]
    assert all(not TRANSIENT & vars(e).keys() for e in loaded)
    for e in loaded[2:]:
        assert same(outputs(e, X), outputs(est, X))


@needs_callbacks
def test_pickles_keep_callbacks_and_no_context():
    X, y = problem("multiclass")
    est = estimator("multiclass", max_iter=2).set_callbacks(Recorder())
    est = pickle.loads(pickle.dumps(est)).fit(X, y)
    assert not TRANSIENT & est.__getstate__().keys()
    again = pickle.loads(pickle.dumps(est)).fit(X, y)
    (recorder,) = again._skl_callbacks
    assert recorder.calls.count(("setup", 2)) == 2


@needs_callbacks
def test_clones_have_the_same_callbacks():
    recorder = Recorder()
    est = MLPClassifier().set_callbacks(recorder)
    assert clone(est)._skl_callbacks == [recorder]
    assert not hasattr(clone(est.set_callbacks()), "_skl_callbacks")


@needs_callbacks
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_scoring_monitor(weighted, early_stopping):
    X, y = problem("multiclass", n=120)
    frame, labels = pd.DataFrame(X, columns=list("abcd")), np.array(list("xyz"))[y]
    weight = np.linspace(0.5, 2.0, len(X)) if weighted else None
    monitor = ScoringMonitor(scoring="neg_log_loss")
    est = estimator(
        "multiclass", max_iter=10, early_stopping=early_stopping, alpha=0.0, solver="lbfgs"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        est.set_callbacks(monitor).fit(frame, labels, weight)
    rows = monitor.get_logs().data
    scores = [row["neg_log_loss"] for row in rows if row["task_name"] == "epoch"]
    np.testing.assert_allclose(scores, np.negative(est.loss_curve_), rtol=1e-6)


@needs_callbacks
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_callbacks_inside_a_search(n_jobs):
    X, y = problem("multiclass", n=120)
    monitor = ScoringMonitor(scoring="accuracy")
    mlp = estimator("multiclass", max_iter=4).set_callbacks(monitor)
    search = GridSearchCV(
        Pipeline([("scale", StandardScaler()), ("mlp", mlp)]),
        {"mlp__alpha": [1e-4, 1.0]},
        cv=KFold(2),
        n_jobs=n_jobs,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(X, y)
    logs = monitor.get_logs(select="all")
    rows = [row for log in logs for row in log.data if row["task_name"] == "epoch"]
    assert len(rows) == (2 * 2 + 1) * 4
    assert not TRANSIENT & vars(search.best_estimator_["mlp"]).keys()
    plain = clone(search).set_params(estimator__mlp=estimator("multiclass", max_iter=4)).fit(X, y)
    assert same(trained(search.best_estimator_["mlp"]), trained(plain.best_estimator_["mlp"]))


@needs_callbacks
@pytest.mark.parametrize("depth", [0, 1, None])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_progress_bar_of_a_search(n_jobs, depth, capsys):
    pytest.importorskip("rich")
    X, y = problem("multiclass")
    search = GridSearchCV(
        estimator("multiclass", solver="lbfgs", max_iter=5),
        {"alpha": [1e-4, 1.0]},
        cv=2,
        n_jobs=n_jobs,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.set_callbacks(ProgressBar(max_propagation_depth=depth)).fit(X, y)
    shown = capsys.readouterr().out
    assert "100%" in shown
    assert ("MLPClassifier - fit" in shown) == (depth != 0)
    assert not hasattr(search.best_estimator_, "_skl_callbacks")
    pickle.loads(pickle.dumps(search)).predict(X)


@needs_callbacks
def test_failing_fit_inside_a_search_leaves_nothing():
    X, y = problem("multiclass")
    pipeline = Pipeline([("mlp", estimator("multiclass").set_callbacks(Failing("teardown")))])
    with pytest.raises(OSError, match="disk full"):
        pipeline.fit(X, y)
    assert not TRANSIENT & vars(pipeline["mlp"]).keys()
    with pytest.raises(NotFittedError):
        pipeline["mlp"].predict(X)


# -- older versions of scikit-learn -------------------------------------------------------------

INERT = """
import sys
import sklearn.model_selection, sklearn.pipeline, sklearn.preprocessing
sys.modules["sklearn.callback"] = None
from sklearn.datasets import load_iris
from skmlp import MLPClassifier, MLPRegressor
X, y = load_iris(return_X_y=True)
est = MLPClassifier(max_iter=3).fit(X, y).partial_fit(X, y)
assert est.n_iter_ == 4
assert not hasattr(est, "set_callbacks")
MLPRegressor(max_iter=3, solver="lbfgs").fit(X, y)
print("inert")
"""


def test_without_callbacks_in_scikit_learn_nothing_is_missed():
    done = run_python(INERT, PYTHONWARNINGS="ignore")
    assert done.stdout.strip() == "inert", done.stderr
