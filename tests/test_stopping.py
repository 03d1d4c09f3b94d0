"""The laws of patience."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skmlp.stopping import Patience

laws = settings(derandomize=True, deadline=None, max_examples=80)
scores = st.lists(st.floats(-10, 10).map(lambda s: round(s, 1)), max_size=30)
tolerances = st.sampled_from([0.0, 0.15, 2.0])


def first_stall(patience, values):
    """Return the place of the score at which patience runs out, or None."""
    return next((i for i, score in enumerate(values) if patience.stalled(score)), None)


@laws
@given(scores, tolerances, st.integers(1, 5))
def test_stalls_once_more_than_n_scores_in_a_row_bring_too_little(values, tol, n):
    wanted, run, best = None, 0, -math.inf
    for i, score in enumerate(values):
        run = 0 if score >= best + tol else run + 1
        best = max(best, score)
        if run == n + 1:
            wanted = i
            break
    assert first_stall(Patience(tol, n), values) == wanted


@laws
@given(scores, tolerances, st.integers(1, 5))
def test_more_patience_never_stalls_earlier(values, tol, n):
    less, more = (first_stall(Patience(tol, k), values) for k in (n, n + 1))
    assert (more or math.inf) >= (less or math.inf)


@laws
@given(scores, tolerances)
def test_best_is_the_highest_score(values, tol):
    patience = Patience(tol, math.inf)
    assert first_stall(patience, values) is None
    assert patience.best == max(values, default=-math.inf)


@pytest.mark.parametrize("n", [1, 3, 10])
def test_growing_scores_never_stall_and_constant_ones_do(n):
    assert first_stall(Patience(0.5, n), range(100)) is None
    assert first_stall(Patience(0.5, n), [0.0] * 100) == n + 1


def test_growth_is_measured_from_the_best_score_of_all():
    slow, back = [0.0, 0.9, 1.8, 2.7, 3.6], [0.0, 5.0, 1.0, 3.0, 4.9]
    assert first_stall(Patience(tol=1.0, n_iter_no_change=2), slow) == 3
    assert first_stall(Patience(tol=1.0, n_iter_no_change=2), back) == 4


def test_a_score_that_is_no_number_is_no_improvement():
    assert first_stall(Patience(tol=0.1, n_iter_no_change=2), [1.0] + [math.nan] * 5) == 3
