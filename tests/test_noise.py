"""The random numbers of layers: shares, independence, exactness, and where the stream goes on."""

import math
import pickle
import tracemalloc

import numpy as np
import pytest
from cases import DTYPES, in_one_case

from skmlp import _noise
from skmlp._noise import DRAWN, Noise
from skmlp.estimators.training import streams

N = 3 * DRAWN + 5
RATES = [1e-4, 0.1, 0.375, 0.5, 0.9, 0.9999]

every_rate = in_one_case(rate=RATES)
both_dtypes = in_one_case(dtype=DTYPES)


def mask(rate, size=N, dtype=np.float64, noise=None):
    """Return a mask and the probability of its ones."""
    out = np.full(size, np.nan, dtype)
    kept = (noise or Noise(3)).mask(rate, out)
    return out, kept


def within(count, n, probability):
    """Tell whether a binomial count is within five standard deviations of its mean."""
    return abs(count - n * probability) <= 5 * math.sqrt(n * probability * (1 - probability))


# -- masks ---------------------------------------------------------------------------


@both_dtypes
@every_rate
def test_a_mask_is_zero_or_one_with_the_share_it_states(rate, dtype):
    out, kept = mask(rate, dtype=dtype)
    assert set(np.unique(out)) == {0, 1}
    assert abs(kept - (1 - rate)) <= 2**-17
    assert within(out.sum(dtype=float), N, kept)


class EveryNumber:
    """Bits that are each number of sixteen bits in turn."""

    def __init__(self):
        self.words = np.arange(2**16, dtype=np.uint16).view(np.uint64)

    def random_raw(self, n):
        first, self.words = self.words[:n], self.words[n:]
        return first


@pytest.mark.parametrize("rate", [*RATES, 0.0, 2**-16, 2**-18, 1 - 2**-16, 1 - 2**-20])
def test_the_stated_share_is_exact(rate):
    """Of all numbers of sixteen bits exactly the stated share keeps its place."""
    noise = Noise()
    noise._bits = EveryNumber()
    out, kept = mask(rate, 2**16, noise=noise)
    assert out.sum() == kept * 2**16
    assert kept > 0


@pytest.mark.parametrize("rate", [0.0, 2**-18])
def test_a_rate_that_rounds_to_zero_keeps_everything(rate):
    out, kept = mask(rate)
    assert kept == 1
    assert out.all()


@in_one_case(lag=[1, 2, 3, 4, 100, DRAWN - 1, DRAWN])
@every_rate
def test_places_do_not_depend_on_each_other(rate, lag):
    out, kept = mask(rate)
    both = (out[lag:] * out[:-lag]).sum()
    neither = ((1 - out[lag:]) * (1 - out[:-lag])).sum()
    assert within(both, N - lag, kept**2)
    assert within(neither, N - lag, (1 - kept) ** 2)


@every_rate
def test_masks_of_one_stream_do_not_depend_on_each_other(rate):
    noise = Noise(5)
    (first, kept), (second, _) = mask(rate, noise=noise), mask(rate, noise=noise)
    assert within((first * second).sum(), N, kept**2)
    assert within(((1 - first) * (1 - second)).sum(), N, (1 - kept) ** 2)


def test_rows_and_columns_have_the_share_each():
    out, kept = mask(0.3, (400, 300))
    assert all(within(count, 300, kept) for count in out.sum(axis=1))
    assert all(within(count, 400, kept) for count in out.sum(axis=0))


@every_rate
def test_both_types_have_the_same_mask(rate):
    single, double = mask(rate, dtype=np.float32), mask(rate)
    assert single[1] == double[1]
    np.testing.assert_array_equal(single[0], double[0])


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, DRAWN - 1, DRAWN, DRAWN + 1])
def test_masks_of_any_size_are_filled(size):
    out, _ = mask(0.5, size)
    assert np.isin(out, [0, 1]).all()


# -- normal numbers ------------------------------------------------------------------


@both_dtypes
def test_normal_numbers_have_the_moments_of_the_normal_distribution(dtype):
    out = np.full((400, 500), np.nan, dtype)
    Noise(1).normal(out)
    wide = out.astype(float).ravel()
    n = wide.size
    # The variance of the mean of x^k is E x^2k - (E x^k)^2 over n.
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((wide**power).mean() - mean) < 5 * math.sqrt(variance / n)
    assert abs((wide[1:] * wide[:-1]).mean()) < 5 / math.sqrt(n)


# -- the stream ----------------------------------------------------------------------


def draws(noise, times=4):
    """Return the bits of masks and normal numbers, drawn in turn, of odd sizes."""
    found = []
    for _ in range(times):
        for dtype in DTYPES:
            out = np.empty(13, dtype)
            noise.normal(out)
            found += [out.tobytes(), mask(0.4, 7, dtype, noise)[0].tobytes()]
    return found


def test_same_seed_same_stream_other_seed_another():
    assert draws(Noise(7)) == draws(Noise(7)) != draws(Noise(8))


@pytest.mark.parametrize("times", [0, 1, 3])
def test_a_restored_stream_goes_on_bit_by_bit(times):
    noise = Noise(7)
    draws(noise, times)
    np.random.seed(0)  # another stream does not matter
    state = pickle.loads(pickle.dumps(noise.state()))
    expected = draws(noise)
    again = Noise(99)
    draws(again, 1)
    again.restore(state)
    assert draws(again) == expected


def test_a_state_is_a_copy_of_arrays_numbers_and_strings():
    noise = Noise(7)
    state = noise.state()
    kept = pickle.dumps(state)
    draws(noise)
    assert pickle.dumps(state) == kept
    values = [state]
    while values:
        value = values.pop()
        values += value.values() if isinstance(value, dict) else []
        assert isinstance(value, dict | np.ndarray | int | str)


def test_drawing_changes_no_other_stream():
    np.random.seed(3)
    rng = np.random.RandomState(3)
    draws(Noise(7))
    assert np.random.get_state()[1].tobytes() == rng.get_state()[1].tobytes()


@pytest.mark.parametrize("draw", ["mask", "normal"])
def test_drawing_takes_memory_of_one_block_at_most(draw, monkeypatch):
    monkeypatch.setattr(_noise, "DRAWN", 2**12)
    peaks = []
    for size in (2**13, 2**18):
        out, noise = np.empty(size, np.float32), Noise()
        tracemalloc.start()
        noise.mask(0.5, out) if draw == "mask" else noise.normal(out)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] <= peaks[0] + 500
    assert peaks[1] < 2**16


# -- the seed ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.random.MT19937, np.random.PCG64], ids=lambda k: k.__name__)
def test_seed_is_the_next_number_of_the_stream_as_it_was_when_asked_for(kind):
    rng, twin = (np.random.RandomState(kind(5)) for _ in range(2))
    seed = streams.seed(rng)
    expected = twin.randint(2**31)
    twin = np.random.RandomState(kind(5))
    assert rng.randint(2**31, size=9).tolist() == twin.randint(2**31, size=9).tolist()
    assert seed() == expected


def test_stream_starts_at_a_seed_that_is_asked_for_at_the_first_number():
    asked = []
    noise = Noise(lambda: asked.append(None) or 3)
    assert asked == []
    found, expected = mask(0.5, noise=noise)[0], mask(0.5, noise=Noise(3))[0]
    np.testing.assert_array_equal(found, expected)
    mask(0.5, noise=noise)
    assert len(asked) == 1
