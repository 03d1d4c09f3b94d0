"""What goes wrong amid training: the user's code, divergence, interrupts, too few rows."""

import copy
import math
import signal

import numpy as np
import pytest
import scipy.sparse as sp
from catalogue import Call, Split, assert_refused, both_states, fitted
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from trust import ESTIMATORS, TASKS, estimator, first_partial_fit, outputs, problem, same, unchanged

from skmlp import MLPClassifier, MLPRegressor
from skmlp.estimators.training import interrupts

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

SOLVERS = ("sgd", "adam", "lbfgs")
both = pytest.mark.parametrize("cls", ESTIMATORS)
every_solver = pytest.mark.parametrize("solver", SOLVERS)


class Acting:
    """A scorer that does something when it is called for the n-th time."""

    def __init__(self, act, at=3):
        self.act, self.at, self.calls = act, at, 0

    def __call__(self, est, X, y):
        self.calls += 1
        if self.calls == self.at:
            self.act()
        return float(self.calls)


def throw(error):
    """Return a function that raises an error."""

    def act():
        raise error

    return act


# -- errors of the user's code ----------------------------------------------------------------


ERRORS = [ZeroDivisionError("by me"), SystemExit(3)]


@pytest.mark.parametrize("decisive", [False, True])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@every_solver
@pytest.mark.parametrize("task", ["multiclass", "multi-output"])
def test_error_of_a_scorer_gets_out_and_changes_nothing(task, solver, error, decisive):
    X, y = problem(task)
    scorer = Acting(throw(error))
    params = {"solver": solver, "scoring": scorer, "max_iter": 10, "early_stopping": decisive}
    for est in both_states(task, **params):
        scorer.calls = 0
        fault = Call(None, str(error), type(error))
        assert_refused(est, fault, est.fit, X[::-1], y[::-1], X_val=X, y_val=y)
        assert scorer.calls == 3


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_error_of_a_scorer_changes_nothing_in_partial_fit(solver):
    X, y = problem("multiclass")
    scorer = Acting(throw(OSError("gone")), at=1)
    for est in both_states("multiclass", solver=solver, scoring=scorer):
        scorer.calls = 0
        data = {"X_val": X, "y_val": y, "classes": [0, 1, 2]}
        assert_refused(est, Call(None, "gone", OSError), est.partial_fit, X, y, **data)


def test_training_goes_on_after_an_error_as_if_nothing_had_been():
    X, y = problem("multiclass")
    params = {"warm_start": True, "batch_size": 20}
    calm, disturbed = (estimator("multiclass", **params).fit(X, y) for _ in range(2))
    disturbed.set_params(scoring=Acting(throw(OSError("gone")), at=1))
    with pytest.raises(OSError, match="gone"):
        disturbed.fit(X, y, X_val=X, y_val=y)
    disturbed.set_params(scoring=None)
    assert same(calm.fit(X, y).coefs_, disturbed.fit(X, y).coefs_)


@both
def test_error_of_a_callback_gets_out_and_changes_nothing(cls):
    pytest.importorskip("sklearn.callback")

    def hook_of(name):
        def hook(self, estimator, context, **data):
            if name == self.failing:
                raise OSError(f"gone in {name}")

        return hook

    class Failing:
        setup, teardown = hook_of("setup"), hook_of("teardown")
        on_fit_task_begin, on_fit_task_end = hook_of("begin"), hook_of("end")

        def __init__(self, failing):
            self.failing = failing

    X, y = problem("binary")
    for hook in ("setup", "begin", "end"):
        est = cls((5,), max_iter=3).set_callbacks(Failing(hook))
        with unchanged(est, X), pytest.raises(OSError, match=f"gone in {hook}"):
            est.fit(X, y)


@both
def test_schedule_that_raises_changes_nothing(cls):
    X, y = problem("binary")

    def schedule(progress):
        if progress.epoch == 2:
            raise OSError("gone")
        return 0.01

    est = cls((5,), learning_rate=schedule, max_iter=5)
    assert_refused(est, Call(None, "gone", OSError), est.fit, X, y)


# -- divergence -------------------------------------------------------------------------------


DIVERGED = "^Solver produced non-finite parameter weights"
LARGE_RATE = {"solver": "sgd", "learning_rate_init": 1e6, "activation": "identity"}


def diverging():
    """Return parameters, scales of X and y, and what the message has to name."""
    return {
        "rate of sgd": (LARGE_RATE, 1.0, 1.0, r"learning_rate_init=1e\+06 is large"),
        "rate of adam": (
            {"learning_rate_init": 1e200, "alpha": 0.0},
            1.0,
            1.0,
            r"learning_rate_init=1e\+200 is large",
        ),
        "features": ({"solver": "sgd"}, 1e6, 1.0, "Feature 2 has values up to .*feature_scaling"),
        "features of lbfgs": ({"solver": "lbfgs"}, 1e300, 1.0, "Feature 2 .*Scale the data"),
        "targets": ({"solver": "sgd"}, 1.0, 1e200, r"y has values up to \d.*e\+200.*target_sc"),
        "targets of lbfgs": ({"solver": "lbfgs"}, 1.0, 1e200, "y has values up to .*target_sc"),
    }


@pytest.mark.parametrize("on_divergence", ["auto", "raise"])
@pytest.mark.parametrize("kind", diverging())
def test_divergence_names_its_cause_and_changes_nothing(kind, on_divergence):
    params, of_X, of_y, cause = diverging()[kind]
    X, y = problem("regression")
    X[:, 2] *= 3
    params = {**params, "on_divergence": on_divergence, "max_iter": 100}
    for est in both_states("regression", **params):
        assert_refused(est, Call(None, f"{DIVERGED}.*{cause}"), est.fit, of_X * X, of_y * y)


@pytest.mark.parametrize("container", ["frame", "sparse"])
def test_divergence_names_a_feature_as_the_user_does(container):
    pandas = pytest.importorskip("pandas")
    X, y = problem("regression")
    X[:, 1] *= 1e7
    if container == "frame":
        X, name = pandas.DataFrame(X, columns=["age", "income", "<b>", "x"]), "'income'"
    else:
        X, name = sp.csr_array(X), "1"
    with pytest.raises(ValueError, match=rf"Feature {name} has values up to \d.*e[+]07"):
        estimator("regression", solver="sgd", max_iter=50).fit(X, y)


@pytest.mark.parametrize("on_divergence", ["auto", "raise", "stop"])
def test_divergence_after_progress_keeps_what_is_asked_for(on_divergence):
    X, y = problem("regression")
    params = {"solver": "sgd", "max_iter": 20, "on_divergence": on_divergence}
    params["learning_rate"] = lambda progress: 0.01 if progress.epoch < 5 else 1e200
    est = estimator("regression", **params)
    if on_divergence != "stop":
        assert_refused(est, Call(None, DIVERGED), est.fit, X, y)
        return
    with pytest.warns(ConvergenceWarning, match=f"{DIVERGED}.*last finite weights are kept"):
        est.fit(X, y)
    assert est.stopped_by_ == "divergence"
    assert math.isnan(est.loss_curve_[-1])
    best = estimator("regression", **{**params, "max_iter": est.best_iter_}).fit(X, y)
    assert est.best_iter_ >= 5
    assert same(best.coefs_, est.coefs_)
    assert same(outputs(copy.deepcopy(est), X), outputs(est, X))


@pytest.mark.parametrize("on_divergence", ["auto", "stop", "raise"])
def test_divergence_with_rows_to_validate_keeps_the_best_weights(on_divergence):
    X, y = problem("regression", n=120)
    params = {"solver": "sgd", "max_iter": 20, "early_stopping": True, "tol": 0.0}
    params["learning_rate"] = lambda progress: 0.01 if progress.epoch < 5 else 1e200
    est = estimator("regression", on_divergence=on_divergence, **params)
    if on_divergence == "raise":
        assert_refused(est, Call(None, DIVERGED), est.fit, X, y)
        return
    with pytest.warns(ConvergenceWarning, match=f"{DIVERGED}.*best weights are kept"):
        est.fit(X, y)
    best = estimator("regression", **{**params, "max_iter": est.best_iter_}).fit(X, y)
    assert est.best_iter_ == int(np.nanargmax(est.validation_scores_)) + 1
    assert same(best.coefs_, est.coefs_)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_diverging_partial_fit_changes_nothing(task):
    X, y = problem(task)
    params = {"solver": "sgd", "learning_rate_init": 1e300, "activation": "identity"}
    fault = Call(None, f"{DIVERGED}.*learning_rate_init")
    est = fitted(task, **{**params, "activation": "relu"})
    assert_refused(est, fault, est.partial_fit, 1e10 * X, y)
    est = estimator(task, **params)
    assert_refused(est, fault, lambda *data: first_partial_fit(est, *data), 1e10 * X, y)


def test_diverging_partial_fit_that_is_to_stop_says_so():
    X, y = problem("regression")
    est = estimator("regression", solver="sgd", on_divergence="stop").partial_fit(X, y)
    before = copy.deepcopy(est.coefs_)
    with pytest.warns(ConvergenceWarning, match=f"{DIVERGED}.*last finite weights are kept"):
        est.set_params(learning_rate_init=1e308).partial_fit(1e5 * X, y)
    assert same(est.coefs_, before)
    assert est.stopped_by_ == "divergence"


def test_divergence_of_the_second_training_of_a_refit_is_told():
    X, y = problem("regression", n=120)
    starts = []

    def schedule(progress):
        starts.extend([progress] * (progress.epoch == progress.batch == 0))
        return 0.01 if len(starts) < 2 else 1e300

    est = estimator("regression", solver="sgd", learning_rate=schedule, on_divergence="stop")
    est.set_params(early_stopping=True, refit=True)
    with pytest.warns(ConvergenceWarning, match=f"{DIVERGED}.*last finite weights are kept"):
        est.fit(X, y)
    assert len(starts) == 2
    assert np.isfinite(est.predict(X)).all()


# -- scores that are no numbers ------------------------------------------------------------------

NO_SCORE = "no finite score after any epoch: the weights of the last one are kept.*another scoring"


@pytest.mark.parametrize("score", [np.nan, -np.inf])
@every_solver
@pytest.mark.parametrize("task", ["multiclass", "multi-output"])
def test_score_that_is_never_a_number_leaves_the_last_weights(task, solver, score):
    X, y = problem(task, n=120)
    params = {"solver": solver, "early_stopping": True, "max_iter": 5, "refit": True}
    est = estimator(task, scoring=lambda est, X, y: score, **params)
    with pytest.warns(ConvergenceWarning, match=NO_SCORE):
        est.fit(X, y)
    last = estimator(task, scoring=Acting(lambda: None), **{**params, "refit": False}).fit(X, y)
    assert same(est.coefs_, last.coefs_)  # the score of each epoch was better than before
    assert est.best_iter_ == est.n_iter_ == 5


def test_score_that_is_a_number_once_decides():
    X, y = problem("multiclass", n=120)
    scores = iter([np.nan, 0.5, np.nan, np.nan])
    est = estimator("multiclass", scoring=lambda est, X, y: next(scores), max_iter=4)
    est.set_params(early_stopping=True).fit(X, y)
    assert est.best_iter_ == 2
    assert est.best_validation_score_ == 0.5


# -- interrupts -------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_earlier_interrupt(monkeypatch):
    """Forget the interrupts of other tests, and let Ctrl-C mean what it does in a terminal."""
    monkeypatch.setattr(interrupts, "_last", -math.inf)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


#: What a Ctrl-C is, as seen from a scorer.
INTERRUPTS = {
    "error": throw(KeyboardInterrupt()),
    "signal": lambda: signal.raise_signal(signal.SIGINT),
}
every_interrupt = pytest.mark.parametrize("how", INTERRUPTS)


@every_interrupt
@every_solver
@pytest.mark.parametrize("task", ["multiclass", "multi-output"])
def test_first_interrupt_leaves_a_usable_model_and_a_second_gets_through(task, solver, how):
    X, y = problem(task)
    scorer = Acting(INTERRUPTS[how])
    est = estimator(task, solver=solver, scoring=scorer, max_iter=30, tol=0.0)
    with pytest.warns(UserWarning, match="interrupted") as caught:
        est.fit(X, y, X_val=X, y_val=y)
    assert [str(w.message) for w in caught] == ["Training interrupted by user."]
    assert est.stopped_by_ == "interrupt"
    assert scorer.calls == 3
    assert est.n_iter_ == len(est.loss_curve_) <= 3
    loaded = copy.deepcopy(est)
    assert all(np.isfinite(values).all() for values in outputs(est, X).values())
    assert same(outputs(loaded, X), outputs(est, X))
    scorer.calls = 0
    fault = Call(None, "", KeyboardInterrupt)
    assert_refused(est, fault, est.fit, X[::-1], y, X_val=X, y_val=y)
    unfitted = estimator(task, solver=solver, scoring=Acting(INTERRUPTS[how], at=1))
    assert_refused(unfitted, fault, unfitted.fit, X, y, X_val=X, y_val=y)


@every_interrupt
@every_solver
def test_interrupt_with_early_stopping_keeps_the_best_epoch(solver, how):
    X, y = problem("multiclass", n=120)

    class Falling(Acting):
        def __call__(self, est, X, y):
            return -super().__call__(est, X, y)  # the first epoch is the best

    params = {"solver": solver, "early_stopping": True, "tol": 0.0}
    est = estimator("multiclass", scoring=Falling(INTERRUPTS[how]), max_iter=30, **params)
    with pytest.warns(UserWarning, match="interrupted"):
        est.fit(X, y)
    first = estimator("multiclass", scoring=Falling(lambda: None), max_iter=1, **params).fit(X, y)
    assert est.best_iter_ == 1
    assert same(est.coefs_, first.coefs_)


def test_interrupt_long_after_the_first_is_a_first_one(monkeypatch):
    X, y = problem("multiclass")
    clock = iter([100.0, 103.5, 105.0])
    monkeypatch.setattr(interrupts.time, "monotonic", clock.__next__)
    est = estimator("multiclass", max_iter=5)
    for _ in range(2):
        est.set_params(scoring=Acting(INTERRUPTS["signal"]))
        with pytest.warns(UserWarning, match="interrupted"):
            est.fit(X, y, X_val=X, y_val=y)
    est.set_params(scoring=Acting(INTERRUPTS["signal"]))
    fault = Call(None, "", KeyboardInterrupt)
    assert_refused(est, fault, est.fit, X, y, X_val=X, y_val=y)


class Interrupting:
    """Data that are interrupted while they are read."""

    def __init__(self, act):
        self.act = act

    def __array__(self, dtype=None, copy=None):
        self.act()


@every_interrupt
@every_solver
def test_interrupt_before_the_first_epoch_gets_through(solver, how):
    X, y = problem("multiclass")
    fault = Call(None, "", KeyboardInterrupt)
    for est in both_states("multiclass", solver=solver):
        assert_refused(est, fault, est.fit, X, Interrupting(INTERRUPTS[how]))

    class Interrupted(Split):
        def split(self, X, y=None, groups=None):
            INTERRUPTS[how]()

    params = {"validation_splitter": Interrupted(), "early_stopping": True}
    for est in both_states("multiclass", solver=solver, **params):
        assert_refused(est, fault, est.fit, X, y)


@pytest.mark.filterwarnings("ignore:Training interrupted:UserWarning")
@every_solver
def test_two_interrupts_stop_a_search(solver):
    X, y = problem("multiclass")
    fits = []

    def scoring(est, X, y):
        fits.append(est.n_iter_)
        if len(fits) in (2, 5):
            signal.raise_signal(signal.SIGINT)
        return 0.0

    est = estimator("multiclass", solver=solver, early_stopping=True, scoring=scoring)
    est.set_params(validation_fraction=0.3)
    search = GridSearchCV(est, {"alpha": [0.1, 1.0]}, cv=3, error_score=-1)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert len(fits) == 5


@pytest.mark.filterwarnings("ignore:Training interrupted:UserWarning")
def test_interrupt_amid_partial_fit_keeps_a_usable_model():
    X, y = problem("multiclass")
    est = estimator("multiclass", scoring=Acting(INTERRUPTS["signal"], at=1))
    est.partial_fit(X, y, classes=[0, 1, 2], X_val=X, y_val=y)
    finished = est.n_iter_
    assert finished == len(est.loss_curve_) <= 1
    assert np.isfinite(est.predict_proba(X)).all()
    est.set_params(scoring=None).partial_fit(X, y)
    assert est.n_iter_ == finished + 1


# -- too few rows to hold some out ----------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@every_solver
@pytest.mark.parametrize("task", TASKS)
def test_too_few_rows_to_hold_out_fall_back_to_the_training_loss(task, solver, n):
    X, y = problem(task)
    est, plain = (estimator(task, solver=solver, early_stopping=on) for on in (True, False))
    with pytest.warns(UserWarning, match=r"The validation set is too small: 1 of \d row"):
        est.fit(X[:n], y[:n])
    assert est.validation_scores_ is None
    assert same(plain.fit(X[:n], y[:n]).coefs_, est.coefs_)
    assert len(outputs(est, X)["predict"]) == len(X)


@every_solver
@pytest.mark.parametrize("n", [2, 40])
def test_one_class_is_learnt_with_early_stopping(n, solver):
    X, _ = problem("multiclass")
    y = np.full(n, "only")
    est = MLPClassifier((5,), solver=solver, early_stopping=True, validation_fraction=0.3)
    est.set_params(max_iter=3)
    if n == 2:
        with pytest.warns(UserWarning, match="The validation set is too small"):
            est.fit(X[:n], y)
    else:
        est.fit(X[:n], y)
        assert len(est.validation_scores_) == est.n_iter_
    assert set(est.predict(X)) == {"only"}


def test_class_of_one_row_is_learnt_with_early_stopping():
    X, y = problem("binary")
    y = y.astype(str)
    y[7] = "once"
    est = MLPClassifier((5,), early_stopping=True, validation_fraction=0.3, max_iter=3)
    with pytest.warns(UserWarning, match="The validation set is not stratified"):
        est.fit(X, y)
    assert est.classes_.tolist() == ["0", "1", "once"]


@both
def test_one_row_to_validate_will_do(cls):
    X, y = problem("binary")
    est = cls((5,), early_stopping=True, scoring="loss", max_iter=3)
    est.fit(X, y, X_val=X[:1], y_val=y[:1])
    assert np.isfinite(est.validation_scores_).all()


@pytest.mark.filterwarnings("ignore:R\\^2 score is not well-defined")
def test_one_row_has_no_score_of_its_own_in_regression():
    X, y = problem("regression")
    est, plain = (MLPRegressor((5,), max_iter=3, random_state=0) for _ in range(2))
    est.set_params(early_stopping=True)
    with pytest.warns(ConvergenceWarning, match=NO_SCORE):
        est.fit(X, y, X_val=X[:1], y_val=y[:1])
    assert same(est.coefs_, plain.fit(X, y).coefs_)
