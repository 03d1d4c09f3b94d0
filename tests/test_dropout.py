"""Dropout in all its forms: what is kept, when it acts, and what it leaves alone."""

import math
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES
from trust import estimator, first_partial_fit, outputs, problem, same

from skmlp._noise import Noise
from skmlp._params import InvalidParameterError
from skmlp.estimators.training import validation
from skmlp.layers import AlphaDropout, Dropout, GaussianNoise, Step
from skmlp.schedules import Progress, factor
from skmlp.workspace import Memory

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RATES = [0.1, 0.375, 0.5, 0.9]
SELU = -1.7580993408473766
SPARSE = [sp.csr_array, sp.csr_matrix]
X, Y = problem("multiclass")

both_dtypes = pytest.mark.parametrize("dtype", DTYPES)
every_rate = pytest.mark.parametrize("rate", RATES)
both_kinds = pytest.mark.parametrize("kind", [Dropout, AlphaDropout])


def train(layer, x, noise=None, dtype=np.float64):
    """Return the output for a training batch, and the buffers."""
    layer.build(x.shape[1])
    s = {name: Memory(len(x), b, dtype).rows(len(x)) for name, b in layer.buffers().items()}
    out = np.full(x.shape, np.nan, dtype)
    return layer.train(x, out, {}, s, Step(None, noise or Noise(1))), s


def train_sparse(layer, x, noise=None):
    """Return the output for a sparse training batch."""
    layer.build(x.shape[1])
    return layer.train(x, None, {}, {}, Step(None, noise or Noise(1)))


class Given(Noise):
    """A stream that hands out a given mask."""

    def __init__(self, mask):
        super().__init__()
        self.given = mask

    def mask(self, rate, out):
        np.copyto(out, self.given, casting="unsafe")
        return 1.0 - rate


# -- one layer -----------------------------------------------------------------------


@both_dtypes
@every_rate
def test_dropout_keeps_the_share_and_the_mean(rate, dtype):
    n = 200_000
    out, _ = train(Dropout(rate), np.full((n // 100, 100), 3, dtype), dtype=dtype)
    kept = (out != 0).mean()
    assert abs(kept - (1 - rate)) < 5 * math.sqrt(rate * (1 - rate) / n)
    np.testing.assert_allclose(np.unique(out), [0, 3 / (1 - rate)], rtol=1e-4)
    # The divisor is the exact share kept, a multiple of 2^-16.
    exact = 1 - round(rate * 2**16) / 2**16
    np.testing.assert_allclose(out.max(), 3 / exact, rtol=np.finfo(dtype).eps * 2)
    assert abs(out.mean(dtype=float) - 3) < 5 * 3 * math.sqrt(rate / (1 - rate) / n)


@every_rate
def test_alpha_dropout_keeps_mean_and_variance(rate):
    n = 400_000
    x = np.random.RandomState(0).normal(size=(n // 100, 100))
    out, _ = train(AlphaDropout(rate), x)
    assert abs(out.mean()) < 0.01
    assert abs(out.var() - 1) < 0.02


@both_kinds
def test_every_batch_has_another_mask(kind):
    noise, x = Noise(4), np.ones((50, 20))
    first, second = (train(kind(0.5), x, noise)[0] for _ in range(2))
    low, high = np.unique(first)
    assert 300 < (first == second).sum() < 700
    np.testing.assert_array_equal(np.unique(second), [low, high])


@both_dtypes
@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
@every_rate
def test_strength_scales_the_rate(rate, strength, dtype):
    noise, x = Noise(4), np.random.RandomState(0).normal(size=(200, 100)).astype(dtype)
    noise.strength = strength
    scaled, _ = train(Dropout(rate), x, noise, dtype)
    plain, _ = train(Dropout(rate * strength), x, Noise(4), dtype)
    assert scaled.tobytes() == plain.tobytes()
    if strength == 0:
        assert scaled.tobytes() == x.tobytes()


@both_dtypes
def test_alpha_dropout_without_strength_changes_nothing(dtype):
    noise, x = Noise(4), np.random.RandomState(0).normal(size=(20, 10)).astype(dtype)
    noise.strength = 0.0
    out, _ = train(AlphaDropout(0.5), x, noise, dtype)
    np.testing.assert_allclose(out, x, rtol=1e-5, atol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("rate", [0.0, 1e-9, 1 - 1e-9])
@both_kinds
@both_dtypes
def test_extreme_rates_give_finite_numbers(dtype, kind, rate):
    out, s = train(kind(rate), np.full((30, 10), 3, dtype), dtype=dtype)
    assert np.isfinite(out).all()
    assert np.isfinite(s["mask"]).all()
    if rate < 0.5:
        np.testing.assert_allclose(out, 3, rtol=1e-6)


@pytest.mark.parametrize("kind", [Dropout, AlphaDropout, GaussianNoise])
def test_prediction_hands_on_its_input(kind):
    layer, x = kind(0.5), np.ones((3, 4))
    layer.build(4)
    assert layer.forward(x, np.empty((3, 4)), {}) is x


# -- sparse input --------------------------------------------------------------------


def sparse_rows(kind, dtype=np.float64):
    """Return sparse rows that must not be written to, some stored values zero."""
    x = kind(sp.random(300, 40, density=0.3, format="csr", random_state=np.random.RandomState(0)))
    x.data[::50] = 0
    x = x.astype(dtype)
    for array in (x.data, x.indices, x.indptr):
        array.flags.writeable = False
    return x


@pytest.mark.parametrize("kind", SPARSE)
@both_dtypes
@every_rate
def test_of_a_sparse_input_stored_values_are_dropped(rate, dtype, kind):
    x = sparse_rows(kind, dtype)
    out = train_sparse(Dropout(rate), x)
    assert type(out) is kind
    assert out.data.dtype == dtype
    assert np.shares_memory(out.indices, x.indices)
    assert np.shares_memory(out.indptr, x.indptr)
    mask = np.empty_like(x.data)
    kept = Noise(1).mask(rate, mask)
    np.testing.assert_allclose(out.data, mask * x.data / kept, rtol=2 * np.finfo(dtype).eps)
    assert 0 < np.count_nonzero(mask) < mask.size


@pytest.mark.parametrize("kind", SPARSE)
@both_dtypes
def test_of_a_sparse_input_stored_values_get_noise(dtype, kind):
    x = sparse_rows(kind, dtype)
    out = train_sparse(GaussianNoise(0.5), x)
    assert type(out) is kind
    assert np.shares_memory(out.indices, x.indices)
    noise = np.empty_like(x.data)
    Noise(1).normal(noise)
    np.testing.assert_allclose(out.data, x.data + 0.5 * noise, rtol=1e-5, atol=1e-6)


# -- PyTorch -------------------------------------------------------------------------


@both_dtypes
@every_rate
@both_kinds
def test_layer_agrees_with_torch_for_its_mask(kind, rate, dtype):
    torch = pytest.importorskip("torch")
    rng = np.random.RandomState(0)
    x, dout = rng.normal(size=(2, 50, 20)).astype(dtype)
    theirs = torch.tensor(x, requires_grad=True)
    peer = torch.nn.Dropout(rate) if kind is Dropout else torch.nn.AlphaDropout(rate)
    torch.manual_seed(0)
    expected = peer(theirs)
    expected.backward(torch.tensor(dout))
    layer = kind(rate)
    # Where the derivative is zero, the unit was dropped.
    ours, s = train(layer, x, Given(theirs.grad.numpy() != 0), dtype)
    dx = np.empty_like(x)
    layer.backward(x, ours, dout.copy(), dx, {}, {}, s)
    tolerance = {"rtol": 1e-5, "atol": 1e-6} if dtype == np.float32 else {"rtol": 1e-12}
    np.testing.assert_allclose(ours, expected.detach().numpy(), **tolerance)
    np.testing.assert_allclose(dx, theirs.grad.numpy(), **tolerance)


# -- estimators ----------------------------------------------------------------------

PARAMS = {"max_iter": 4, "batch_size": 25, "learning_rate_init": 0.02}
ALL_NOISE = {"dropout": 0.4, "input_dropout": 0.2, "input_noise": 0.1}


def make(task="multiclass", **params):
    """Return an unfitted estimator with two hidden layers."""
    return estimator(task, **{"hidden_layer_sizes": (9, 6), **PARAMS, **params})


def learnt(est):
    """Return all numbers that an estimator has learnt, and how it went."""
    others = [array for views in est.layer_params_ for array in views.values()]
    return [*est.coefs_, *est.intercepts_, *others, est.loss_curve_, outputs(est, X)]


@pytest.mark.parametrize("solver", ["adam", "sgd", "adagrad"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_no_dropout_is_the_run_without_it_bit_by_bit(solver, early_stopping):
    params = {"solver": solver, "early_stopping": early_stopping}
    plain = make(**params).fit(X, Y)
    for nothing in ({"dropout": 0}, {"dropout": [0.0, 0]}, {"input_dropout": 0, "input_noise": 0}):
        assert same(learnt(make(**params, **nothing).fit(X, Y)), learnt(plain))


@pytest.mark.parametrize("noise", [{"dropout": 0.5}, {"input_dropout": 0.3}, {"input_noise": 1.0}])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_noise_changes_neither_initial_weights_nor_shuffles_nor_held_out_rows(
    noise, early_stopping
):
    """At a rate of almost zero the weights stay where they started."""
    params = {"learning_rate_init": 1e-300, "solver": "sgd", "warm_start": True}
    params["early_stopping"] = early_stopping
    plain, noisy = (make(**params, **more).fit(X, Y) for more in ({}, noise))
    assert same([*noisy.coefs_, *noisy.intercepts_], [*plain.coefs_, *plain.intercepts_])
    assert noisy.loss_curve_ != plain.loss_curve_
    for name in ("rng", "order", "split"):
        assert same(noisy._resume.get(name), plain._resume.get(name))
    assert noisy.validation_scores_ == plain.validation_scores_
    assert noisy._resume["noise"]["state"]["state"].tobytes() != (
        plain._resume["noise"]["state"]["state"].tobytes()
    )


@pytest.mark.parametrize("noise", [*({name: v} for name, v in ALL_NOISE.items()), ALL_NOISE])
@pytest.mark.parametrize("task", ["multiclass", "multi-output"])
def test_same_seed_same_bits_other_seed_others(task, noise):
    X, y = problem(task)
    runs = [make(task, random_state=seed, **noise).fit(X, y) for seed in (0, 0, 1)]
    assert same(runs[0].coefs_, runs[1].coefs_)
    assert not same(runs[0].coefs_, runs[2].coefs_)


@pytest.mark.parametrize("pickled", [False, True])
@pytest.mark.parametrize("noise", [*({name: v} for name, v in ALL_NOISE.items()), ALL_NOISE])
def test_a_warm_start_goes_on_in_the_stream(noise, pickled):
    whole = make(**noise).fit(X, Y)
    parts = make(warm_start=True, **{**noise, "max_iter": 1})
    for _ in range(whole.max_iter):
        parts.fit(X, Y)
        parts = pickle.loads(pickle.dumps(parts)) if pickled else parts
    assert same(parts.coefs_, whole.coefs_)


def test_partial_fit_goes_on_in_the_stream_after_pickling():
    straight, pickled = make(**ALL_NOISE), make(**ALL_NOISE)
    for _ in range(3):
        first_partial_fit(straight, X, Y)
        pickled = pickle.loads(pickle.dumps(first_partial_fit(pickled, X, Y)))
    assert same(learnt(straight), learnt(pickled))


@pytest.mark.parametrize(
    "damage",
    [
        None,
        {},
        {"bit_generator": "MT19937"},
        {"bit_generator": "SFC64", "state": {"state": np.zeros(2, np.uint64)}},
        {"bit_generator": "SFC64", "state": {"state": np.array(list("abcd"))}},
    ],
    ids=str,
)
def test_a_damaged_stream_is_refused_when_it_is_read(damage):
    state = make(warm_start=True, **ALL_NOISE).fit(X, Y).__getstate__()
    state["_resume"]["noise"] = damage
    with pytest.raises(ValueError, match=r"state|SFC64|broadcast|invalid literal|damaged"):
        make().__setstate__(state)


def test_each_call_of_partial_fit_has_other_masks(monkeypatch):
    seen, mask = [], Noise.mask

    def spy(self, rate, out):
        kept = mask(self, rate, out)
        seen.append(out.tobytes())
        return kept

    monkeypatch.setattr(Noise, "mask", spy)
    est = make(dropout=0.5)
    for _ in range(3):
        first_partial_fit(est, X, Y)
    assert len(seen) == 3 * 3 * 2  # calls, batches, layers
    assert len(set(seen)) == len(seen)


def test_prediction_is_that_of_the_plain_network():
    est = make(**ALL_NOISE).fit(X, Y)
    h = X
    for weight, bias in zip(est.coefs_[:-1], est.intercepts_[:-1], strict=True):
        h = np.maximum(h @ weight + bias, 0)
    expected = h @ est.coefs_[-1] + est.intercepts_[-1]
    np.testing.assert_allclose(est.decision_function(X), expected, rtol=1e-12, atol=1e-13)
    assert same(outputs(est, X), outputs(est, X))


def test_validation_is_without_noise(monkeypatch):
    """Each score is that of the weights at that time, by the plain network."""
    expected, evaluate = [], validation.HeldOut.evaluate

    def spy(self):
        raw, found = self._X[self._rows], evaluate(self)
        for views in self._params:
            raw = raw @ views["weight"] + views["bias"] if views else raw
            raw = np.maximum(raw, 0) if views and views["weight"].shape[1] != 3 else raw
        expected.append((raw.argmax(axis=1) == self._y).mean())
        return found

    monkeypatch.setattr(validation.HeldOut, "evaluate", spy)
    est = make(early_stopping=True, validation_fraction=0.4, **ALL_NOISE).fit(X, Y)
    assert est.validation_scores_ == expected
    assert len(set(expected)) > 1


@pytest.mark.parametrize("container", [np.asarray, *SPARSE])
def test_input_noise_of_any_container_trains(container):
    first, second = (make(**ALL_NOISE).fit(container(X), Y) for _ in range(2))
    assert same(first.coefs_, second.coefs_)
    assert not same(first.coefs_, make().fit(container(X), Y).coefs_)
    assert all(np.isfinite(weight).all() for weight in first.coefs_)


@both_dtypes
def test_training_stays_in_its_type(dtype):
    est = make(**ALL_NOISE).fit(X.astype(dtype), Y)
    assert {array.dtype for array in (*est.coefs_, *est.intercepts_)} == {np.dtype(dtype)}


# -- what the parameters mean --------------------------------------------------------


def layers_of(est):
    """Return names and rates of the layers of a fitted estimator."""
    network = est._model.network
    return [(type(layer).__name__, getattr(layer, "rate", None)) for layer in network.layers]


def dropouts(est):
    """Return those of the layers that drop."""
    return [(name, rate) for name, rate in layers_of(est) if rate is not None]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"dropout": 0.3}, [("Dropout", 0.3), ("Dropout", 0.3)]),
        ({"dropout": [0.3, 0]}, [("Dropout", 0.3)]),
        ({"dropout": (0, 0.6)}, [("Dropout", 0.6)]),
        ({"dropout": np.array([0.3, 0.6])}, [("Dropout", 0.3), ("Dropout", 0.6)]),
        ({"input_dropout": 0.2}, [("Dropout", 0.2)]),
        ({"activation": "selu", "dropout": 0.1}, [("AlphaDropout", 0.1)] * 2),
        (
            {"activation": ["selu", "relu"], "dropout": 0.1, "input_dropout": 0.2},
            [("Dropout", 0.2), ("AlphaDropout", 0.1), ("Dropout", 0.1)],
        ),
    ],
    ids=str,
)
def test_rates_are_those_of_the_layers(params, expected):
    assert dropouts(make(**params).fit(X, Y)) == expected


def test_dropout_comes_after_the_activation_and_never_last():
    est = make(batch_norm=True, **ALL_NOISE).fit(X, Y)
    block = ["Dense", "BatchNorm", "Activate", "Dropout"]
    names = [name for name, _ in layers_of(est)]
    assert names == ["GaussianNoise", "Dropout", *block, *block, "Dense"]


@pytest.mark.parametrize(
    "params",
    [
        *({"dropout": value} for value in (-0.1, 1.0, 1, "0.5", None, np.nan, True, [0.5, 1.0])),
        *({"dropout": value} for value in ([0.5], [0.5] * 3, [], [[0.5, 0.5]])),
        *({"input_dropout": value} for value in (-0.1, 1.0, None, [0.5])),
        *({"input_noise": value} for value in (-0.1, np.inf, None, [0.5])),
    ],
    ids=str,
)
def test_bad_rates_are_refused_by_name(params):
    (name,) = params
    with pytest.raises(InvalidParameterError, match=name):
        make(**params).fit(X, Y)


@pytest.mark.parametrize("params", [{name: value} for name, value in ALL_NOISE.items()], ids=str)
def test_lbfgs_refuses_noise(params):
    (name,) = params
    with pytest.raises(InvalidParameterError, match=name):
        make(solver="lbfgs", **params).fit(X, Y)


@pytest.mark.parametrize("name", [*ALL_NOISE, "dropout_schedule"])
def test_noise_may_change_between_calls(name):
    est = make(warm_start=True, **ALL_NOISE).fit(X, Y)
    est.set_params(**{name: "flat_cos" if name == "dropout_schedule" else 0.0}).fit(X, Y)
    first_partial_fit(est, X, Y)


@pytest.mark.parametrize("schedule", ["constant", "flat_cos", "cosine", lambda p: 0.5 * p.fraction])
def test_a_schedule_scales_every_rate_at_every_step(schedule, monkeypatch):
    rates, mask = [], Noise.mask
    monkeypatch.setattr(
        Noise, "mask", lambda self, rate, out: rates.append(rate) or mask(self, rate, out)
    )
    est = make(dropout=[0.4, 0.8], input_dropout=0.2, dropout_schedule=schedule).fit(X, Y)
    scale, expected = factor("dropout_schedule", est.get_params()), []
    for step in range(4 * 3):
        strength = scale(Progress(step // 3, step, 0, 0, step % 3, 3, 0, 4))
        expected += [0.2 * strength, 0.4 * strength, 0.8 * strength]
    assert rates == pytest.approx(expected, rel=1e-15)
