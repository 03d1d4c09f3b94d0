"""Initial weights."""

import numpy as np
import pytest

from skmlp.initializers import glorot_uniform


@pytest.mark.parametrize("factor", [2.0, 6.0])
def test_weights_fill_the_glorot_interval_evenly(factor):
    w = glorot_uniform(np.random.RandomState(0), (300, 100), 300, 100, factor)
    bound = np.sqrt(factor / 400)
    assert w.shape == (300, 100)
    assert w.dtype == np.float64
    assert 0.999 * bound < np.abs(w).max() <= bound
    assert w.mean() == pytest.approx(0, abs=bound / 50)
    # The variance of U(-b, b) is b²/3.
    assert w.var() == pytest.approx(bound**2 / 3, rel=0.02)


def test_factor_six_is_the_default():
    drawn = [glorot_uniform(np.random.RandomState(1), 5, 2, 3, *factor) for factor in ((), (6.0,))]
    assert drawn[0].tobytes() == drawn[1].tobytes()


def test_numbers_come_from_the_stream_in_order():
    stream, twin = np.random.RandomState(3), np.random.RandomState(3)
    for shape, fans in (((4, 2), (4, 2)), (2, (4, 2)), ((2, 3), (2, 3))):
        bound = np.sqrt(6 / sum(fans))
        expected = twin.uniform(-bound, bound, shape)
        assert glorot_uniform(stream, shape, *fans).tobytes() == expected.tobytes()
