"""Predictions refuse what is wrong with their rows, by name, and change nothing."""

import numpy as np
import pytest
from catalogue import BAD_WIDTH, BAD_X, Call, all_breaks, assert_refused, fitted, predictors
from sklearn.exceptions import NotFittedError
from trust import ESTIMATORS, TASKS, estimator, outputs, problem, same

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

FAULTS = {**BAD_X, **BAD_WIDTH, **all_breaks()}


@pytest.mark.parametrize("kind", FAULTS)
def test_fault_is_refused_by_predictions(kind):
    fault = FAULTS[kind]
    for task in ("multiclass", "regression"):
        X, y = problem(task)
        est = fitted(task)
        for predict in (*predictors(est), lambda X, est=est, y=y: est.score(X, y)):
            assert_refused(est, fault, predict, fault.spoil(X))


@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize("rows", [59, 61])
def test_score_of_other_rows_is_refused(task, rows):
    X, y = problem(task, n=61)
    est, fault = fitted(task), Call(None, f"inconsistent numbers of samples.*{rows}")
    assert_refused(est, fault, est.score, X[:60], y[:rows])


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_unfitted_estimator_does_not_predict(cls):
    est = cls()
    for predict in predictors(est):
        with pytest.raises(NotFittedError, match=cls.__name__):
            predict([[0.0]])
    with pytest.raises(NotFittedError, match=cls.__name__):
        est.score([[0.0]], [0])
    assert set(vars(est)) == set(est.get_params())


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_feature_names_are_refused(task):
    pandas = pytest.importorskip("pandas")
    X, y = problem(task)
    est = estimator(task).fit(pandas.DataFrame(X, columns=list("abcd")), y)
    for columns in ("bacd", "abcx"):
        other = pandas.DataFrame(X, columns=list(columns))
        calls = [(predict, other) for predict in predictors(est)]
        for act, *data in [*calls, (est.partial_fit, other, y), (est.score, other, y)]:
            with pytest.raises(ValueError, match="feature names should match"):
                act(*data)


def test_missing_feature_names_give_a_warning():
    pandas = pytest.importorskip("pandas")
    X, y = problem("multiclass")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    est = estimator("multiclass").fit(frame, y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert same(est.predict(X), est.predict(frame))


@pytest.mark.parametrize("task", TASKS)
def test_rows_too_large_for_the_type_have_finite_predictions(task):
    X, y = problem(task)
    est = estimator(task, dtype="float32").fit(X, y)
    for values in outputs(est, np.full((2, 4), 1e300)).values():
        assert np.isfinite(values).all()
