"""Sparse arrays whose structure is broken are refused before any kernel follows an index."""

import functools

import numpy as np
import pytest
import scipy.sparse as sp
from catalogue import (
    BREAKS,
    OTHER_BREAKS,
    STRUCTURE,
    Call,
    assert_refused,
    both_states,
    broken,
    fitted,
)
from trust import estimator, first_partial_fit, problem, run_python

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

FAULT = Call(None, STRUCTURE)


@pytest.mark.parametrize("kind", BREAKS)
@pytest.mark.parametrize("layout", ["csr", "csc"])
def test_wide_indices_are_checked_too(layout, kind):
    X, y = problem("multiclass")
    for est in both_states("multiclass"):
        for train in (est.fit, functools.partial(first_partial_fit, est)):
            assert_refused(est, FAULT, train, broken(X, layout, kind, np.int64), y)


def answer_to(act, *data):
    """Return the name and the message of the error that an action raises, or "accepted"."""
    try:
        act(*data)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"


def report_broken(*layouts):
    """Try all broken arrays of some formats; print a line before and after each."""
    (X, y), est = problem("multiclass"), fitted("multiclass")
    kinds = [(layout, kind) for layout in layouts for kind in OTHER_BREAKS.get(layout) or BREAKS]
    for layout, kind in kinds:
        for name in ("fit", "partial_fit", "predict"):
            print(f"{layout} {name}: {kind}", flush=True)
            data = (y,) if name.endswith("fit") else ()
            print(answer_to(getattr(est, name), broken(X, layout, kind), *data), flush=True)


def report_broken_y():
    """Try all broken indicator matrices; print a line before and after each."""
    (X, y), est = problem("multilabel"), fitted("multilabel")
    for kind in BREAKS:
        for name in ("fit", "partial_fit"):
            print(f"y {name}: {kind}", flush=True)
            print(answer_to(getattr(est, name), X, broken(y, "csr", kind)), flush=True)


def test_broken_sparse_arrays_do_not_end_the_process():
    """Questions and answers are printed; the process must not be killed by a signal."""
    layouts = ("csr", "csc", "bsr", "coo", "lil", "dia")
    code = f"t.report_broken(*{layouts!r}); t.report_broken_y()"
    done = run_python(f"import test_faults_of_sparse_arrays as t; {code}")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"exit {done.returncode} at {lines[-1:]}: {done.stderr[-2000:]}"
    pairs = list(zip(lines[::2], lines[1::2], strict=True))
    assert {question.split()[0] for question, _ in pairs} == {*layouts, "y"}
    for question, answer in pairs:
        name = "y" if question.startswith("y ") else "X"
        assert f"ValueError: {name} is a {STRUCTURE}" in answer, question


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
