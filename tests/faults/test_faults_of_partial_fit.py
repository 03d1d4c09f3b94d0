"""``partial_fit`` refuses what is wrong with its data, by name, and changes nothing."""

import functools

import numpy as np
import pytest
import scipy.sparse as sp
from catalogue import (
    BAD_WIDTH,
    Call,
    arguments,
    assert_refused,
    both_states,
    data_faults,
    fitted,
    is_for_classes,
    kinds,
    tasks_with,
)
from sklearn.model_selection import KFold
from trust import TASKS, classes_of, estimator, first_partial_fit, problem

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

#: Which labels are right, the classes say before y is looked at as a whole.
UNSEEN = "|y` has classes not in"


@pytest.mark.parametrize("kind", kinds(data_faults))
def test_fault_is_refused_by_partial_fit(kind):
    for task in tasks_with(data_faults, kind):
        fault = data_faults(task)[kind]
        for est in both_states(task):
            data = arguments(task)
            if is_for_classes(est):
                data["classes"] = classes_of(data["y"])
                fault = fault._replace(message=fault.message + UNSEEN)
            fault.change(data)
            assert_refused(est, fault, est.partial_fit, **data)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_catalogue_is_long(task):
    assert len(data_faults(task)) >= 120


@pytest.mark.parametrize("kind", BAD_WIDTH)
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_width_is_refused(task, kind):
    X, y = problem(task)
    est, fault = fitted(task, warm_start=True), BAD_WIDTH[kind]
    for train in (est.partial_fit, est.fit):
        assert_refused(est, fault, train, fault.spoil(X), y)


@pytest.mark.parametrize("task", TASKS)
def test_mismatched_lengths_are_refused(task):
    X, y = problem(task)
    fault = Call(None, "inconsistent numbers of samples")
    for est in both_states(task):
        for train in (est.fit, functools.partial(first_partial_fit, est)):
            for a, b in ((X[:-1], y), (X, y[:-1]), (sp.csr_array(X)[:-1], y)):
                assert_refused(est, fault, train, a, b)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_what_only_fit_takes_is_refused(task):
    X, y = problem(task)
    est = fitted(task, validation_splitter=KFold(3), early_stopping=True)
    fault = Call(None, "unexpected keyword argument 'groups'", TypeError)
    assert_refused(est, fault, est.partial_fit, X, y, groups=np.zeros(60))


# -- classes -------------------------------------------------------------------------------


def test_first_call_needs_the_classes():
    X, y = problem("multiclass")
    est = estimator("multiclass")
    assert_refused(est, Call(None, "classes must be passed"), est.partial_fit, X, y)


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
    X, y = problem(task)
    est = fitted(task)
    fault = Call(None, "classes.*not the same as on last call")
    assert_refused(est, fault, est.partial_fit, X, y, classes=classes)


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
    est, fault = estimator("multiclass"), Call(None, "`y` has classes not in `self.classes_`")
    assert_refused(est, fault, est.partial_fit, X, y, classes=classes)
    est.partial_fit(X, np.resize(classes, len(X)), classes=classes)
    assert_refused(est, fault, est.partial_fit, X, y)


@pytest.mark.parametrize("classes", [[0, 1], [0, 1, 2]])
def test_classes_of_an_indicator_matrix_mean_the_same_in_each_call(classes):
    X, y = problem("multilabel")
    est, answers = estimator("multilabel"), []
    for _ in range(2):
        try:
            est.partial_fit(X, y, classes=classes)
            answers.append("accepted")
        except ValueError as error:
            answers.append(str(error))
    assert answers[0] == answers[1]
    assert answers[0] == "accepted" or classes == [0, 1]


# -- another kind of y ---------------------------------------------------------------------


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
def test_other_kind_of_y_is_refused(task, spoil):
    X, y = problem(task)
    est = fitted(task, warm_start=True)
    fault = Call(None, r"y (must|has|is)|y.* (target|column|label)")
    for train in (est.partial_fit, est.fit):
        assert_refused(est, fault, train, X, spoil(y))


# -- numbers that the type of the network does not hold ----------------------------------------


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_X_too_large_for_the_type_is_refused(task):
    X, y = problem(task)
    fault = Call(None, "X contains infinity or a value too large for dtype.*float32")
    for est in (estimator(task, dtype="float32"), estimator(task, dtype="float32").fit(X, y)):
        assert_refused(est, fault, est.fit, X * 1e300, y)
        assert_refused(est, fault, functools.partial(first_partial_fit, est), X * 1e300, y)


@pytest.mark.parametrize("task", ["regression", "multi-output"])
def test_y_too_large_for_the_type_is_refused(task):
    X, y = problem(task, dtype=np.float32)
    fault = Call(None, "y has values too large for float32")
    for est in (estimator(task), estimator(task, dtype="float32").fit(X, y)):
        for train in (est.fit, est.partial_fit):
            assert_refused(est, fault, train, X, y * 1e300)


def test_numbers_too_large_are_refused_under_strict_floating_point_rules():
    X, y = problem("regression", dtype=np.float32)
    est = estimator("regression")
    with np.errstate(all="raise"):
        fault = Call(None, "too large for float32")
        assert_refused(est, fault, est.fit, X, y * 1e300)
        fault, weight = Call(None, "sum of sample_weight"), np.full(len(X), 1e308)
        assert_refused(est, fault, est.fit, X, y, weight)
