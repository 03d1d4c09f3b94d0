"""Batch and layer normalisation: PyTorch, weights, running statistics, lonely rows, estimators."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, zero_arena
from trust import estimator, first_partial_fit, outputs, problem, same

from skmlp._noise import Noise
from skmlp._params import InvalidParameterError
from skmlp.layers import BatchNorm, LayerNorm, Step
from skmlp.workspace import Memory

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("error::RuntimeWarning"),
]

WIDTH = 5
both_dtypes = pytest.mark.parametrize("dtype", DTYPES)


class Normalisation:
    """A layer with its arrays, for batches of any size."""

    def __init__(self, layer, dtype=np.float64, seed=0):
        self.layer, self.dtype = layer, np.dtype(dtype)
        layer.build(WIDTH)
        (self.p,) = zero_arena([layer], dtype)
        layer.initialize(self.p, np.random.RandomState(0))
        rng = np.random.RandomState(seed)
        self.p["gamma"][:], self.p["beta"][:] = rng.normal(size=(2, WIDTH))
        self.dp = {name: np.full(WIDTH, np.nan, dtype) for name in ("gamma", "beta")}

    def train(self, x, weight=None):
        """Return the output for a training batch; weights are divided by their sum."""
        n = len(x)
        self.s = {
            name: Memory(n, buffer, self.dtype).rows(n)
            for name, buffer in self.layer.buffers().items()
        }
        self.x, self.out = x, np.full(x.shape, np.nan, self.dtype)
        if weight is not None:
            weight = (np.asarray(weight) / np.sum(weight)).astype(self.dtype)
        return self.layer.train(x, self.out, self.p, self.s, Step(weight, Noise())).copy()

    def backward(self, dout):
        """Return the derivative with respect to the input."""
        dx = np.full_like(self.x, np.nan)
        self.layer.backward(self.x, self.out, dout.copy(), dx, self.p, self.dp, self.s)
        return dx

    def predict(self, x):
        """Return the output in prediction."""
        return self.layer.forward(x, np.full(x.shape, np.nan, self.dtype), self.p)

    @property
    def running(self):
        """The running statistics."""
        return [self.p["mean"].copy(), self.p["variance"].copy()]


def batch(n=7, seed=1, dtype=np.float64, loc=2.0, scale=3.0):
    """Return rows and the gradient at the output."""
    rng = np.random.RandomState(seed)
    return rng.normal(loc, scale, (n, WIDTH)).astype(dtype), rng.normal(size=(n, WIDTH)).astype(
        dtype
    )


def assert_close(found, expected, rtol=1e-12, atol=1e-12):
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)


# -- PyTorch -------------------------------------------------------------------------


def torch_twin(kind, one, x, dout, **options):
    """Return output, dx, dγ and dβ by PyTorch, and its layer."""
    torch = pytest.importorskip("torch")
    peer = kind(torch)(WIDTH, dtype=torch.float64, **options)
    with torch.no_grad():
        peer.weight.copy_(torch.tensor(one.p["gamma"]))
        peer.bias.copy_(torch.tensor(one.p["beta"]))
    given = torch.tensor(x, requires_grad=True)
    out = peer(given)
    out.backward(torch.tensor(dout))
    found = (out, given.grad, peer.weight.grad, peer.bias.grad)
    return [tensor.detach().numpy() for tensor in found], peer


@pytest.mark.parametrize("n", [2, 7, 300])
@pytest.mark.parametrize("epsilon", [1e-5, 1e-2])
def test_batch_norm_in_training_agrees_with_torch(n, epsilon):
    one, (x, dout) = Normalisation(BatchNorm(batch_norm_epsilon=epsilon)), batch(n)
    expected, _ = torch_twin(lambda t: t.nn.BatchNorm1d, one, x, dout, eps=epsilon)
    found = [one.train(x), one.backward(dout), one.dp["gamma"], one.dp["beta"]]
    for ours, theirs in zip(found, expected, strict=True):
        assert_close(ours, theirs)


@pytest.mark.parametrize("n", [1, 7, 300])
@pytest.mark.parametrize("epsilon", [1e-5, 1e-2])
def test_layer_norm_agrees_with_torch(n, epsilon):
    one, (x, dout) = Normalisation(LayerNorm(epsilon)), batch(n)
    expected, _ = torch_twin(lambda t: t.nn.LayerNorm, one, x, dout, eps=epsilon)
    found = [one.train(x), one.backward(dout), one.dp["gamma"], one.dp["beta"]]
    for ours, theirs in zip(found, expected, strict=True):
        assert_close(ours, theirs)
    assert_close(one.predict(x), expected[0])


def test_batch_norm_in_prediction_agrees_with_torch():
    """PyTorch's running variance has n - 1 in its divisor, ours has n: take over ours."""
    torch = pytest.importorskip("torch")
    one, (x, dout) = Normalisation(BatchNorm()), batch()
    one.train(x)
    _, peer = torch_twin(lambda t: t.nn.BatchNorm1d, one, x, dout)
    peer.running_mean = torch.tensor(one.p["mean"])
    peer.running_var = torch.tensor(one.p["variance"])
    assert_close(one.predict(x), peer.eval()(torch.tensor(x)).detach().numpy())


def test_running_statistics_are_torchs_cumulative_ones():
    """Without momentum batches count alike in PyTorch; its variance is n / (n - 1) of ours."""
    torch = pytest.importorskip("torch")
    one, peer = (
        Normalisation(BatchNorm(0.01)),
        torch.nn.BatchNorm1d(WIDTH, momentum=None, dtype=torch.float64),
    )
    for seed in range(5):
        x, _ = batch(seed=seed)
        one.train(x)
        peer(torch.tensor(x))
    assert_close(one.p["mean"], peer.running_mean.numpy())
    assert_close(one.p["variance"] * 7 / 6, peer.running_var.numpy())


# -- weights -------------------------------------------------------------------------


def test_integer_weights_are_repeated_rows():
    times = np.array([1, 3, 0, 2, 1, 4, 1])
    weighted, repeated = Normalisation(BatchNorm()), Normalisation(BatchNorm())
    x, dout = batch()
    # A loss of weighted rows hands down weighted gradients.
    found = weighted.train(x, times)
    dx = weighted.backward(dout * times[:, np.newaxis])
    expected = repeated.train(np.repeat(x, times, axis=0))
    each = repeated.backward(np.repeat(dout, times, axis=0))
    assert_close(np.repeat(found, times, axis=0), expected)
    last = np.cumsum(times) - 1
    assert_close(dx[times > 0], (each[last] * times[:, np.newaxis])[times > 0])
    for name in ("gamma", "beta"):
        assert_close(weighted.dp[name], repeated.dp[name])
    assert_close(weighted.running, repeated.running)


@pytest.mark.parametrize("huge", [1.0, 1e8])
def test_rows_without_weight_do_not_matter_to_the_others(huge):
    weight = np.array([1.0, 2, 0, 1, 0, 3, 1])
    some, others = weight > 0, weight == 0
    x, dout = batch()
    dout[others] = 0
    x[others] *= huge
    whole, part = Normalisation(BatchNorm()), Normalisation(BatchNorm())
    assert_close(whole.train(x, weight)[some], part.train(x[some], weight[some]))
    assert_close(whole.backward(dout)[some], part.backward(dout[some]), atol=1e-11)
    assert_close(whole.dp["beta"], part.dp["beta"])
    assert_close(whole.running, part.running)


@both_dtypes
def test_equal_weights_are_no_weights(dtype):
    x, dout = batch(8, dtype=dtype)
    weighted, plain = Normalisation(BatchNorm(), dtype), Normalisation(BatchNorm(), dtype)
    assert weighted.train(x, np.full(8, 0.3)).tobytes() == plain.train(x).tobytes()
    assert weighted.backward(dout).tobytes() == plain.backward(dout).tobytes()


# -- running statistics --------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_first_batches_count_alike_then_the_newest_has_its_momentum(momentum, weighted):
    one, mean, variance = Normalisation(BatchNorm(momentum)), 0.0, 0.0
    for t in range(1, 40):
        x, _ = batch(n=3 + t % 5, seed=t)
        weight = np.random.RandomState(t).uniform(0.1, 2, len(x)) if weighted else np.ones(len(x))
        one.train(x, weight if weighted else None)
        now = np.average(x, axis=0, weights=weight)
        newest = max(momentum, 1 / t)
        mean = (1 - newest) * mean + newest * now
        spread = np.average((x - now) ** 2, axis=0, weights=weight)
        variance = (1 - newest) * variance + newest * spread
        assert_close(one.running, [mean, variance])
        assert one.p["count"] == t


def test_the_first_batches_are_their_plain_mean():
    one, rows = Normalisation(BatchNorm(0.1)), [batch(seed=seed)[0] for seed in range(10)]
    for x in rows:
        one.train(x)
    assert_close(one.p["mean"], np.mean([x.mean(axis=0) for x in rows], axis=0))
    assert_close(one.p["variance"], np.mean([x.var(axis=0) for x in rows], axis=0))


@pytest.mark.parametrize("leftover", [1e300, np.inf, np.nan])
@both_dtypes
def test_what_is_forgotten_leaves_no_trace(leftover, dtype):
    """A line search may have looked where nothing is finite."""
    one, fresh = Normalisation(BatchNorm(), dtype), Normalisation(BatchNorm(), dtype)
    with np.errstate(over="ignore"):
        one.p["mean"][:], one.p["variance"][:] = leftover, leftover
    one.layer.forget(one.p)
    x, _ = batch(dtype=dtype)
    one.train(x)
    fresh.train(x)
    assert one.p["mean"].tobytes() == fresh.p["mean"].tobytes()
    assert one.p["variance"].tobytes() == fresh.p["variance"].tobytes()
    assert one.p["count"] == 1


def test_prediction_changes_no_statistics():
    one, (x, _) = Normalisation(BatchNorm()), batch()
    one.train(x)
    kept = one.running
    one.predict(100 * x)
    assert same(one.running, kept)


# -- one row, constant columns, large numbers ----------------------------------------


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("weight", [None, [0, 0, 2.0, 0, 0, 0, 0]])
def test_a_lonely_row_is_normalised_as_in_prediction_and_not_recorded(trained, weight):
    one = Normalisation(BatchNorm())
    if trained:
        one.train(batch(seed=5)[0])
    kept, count = one.running, one.p["count"].copy()
    x, dout = batch(1 if weight is None else 7)
    expected = one.predict(x)
    assert_close(one.train(x, weight), expected)
    dx = one.backward(dout)
    inverse = 1 / np.sqrt(kept[1] + 1e-5)
    assert_close(dx, dout * one.p["gamma"] * inverse)
    assert_close(one.dp["gamma"], (dout * (x - kept[0]) * inverse).sum(axis=0))
    assert_close(one.dp["beta"], dout.sum(axis=0))
    assert same(one.running, kept)
    assert one.p["count"] == count


@both_dtypes
@pytest.mark.parametrize("value", [0.0, 1.0, -3e2])
def test_constant_columns_become_beta(value, dtype):
    one = Normalisation(BatchNorm(), dtype)
    x, dout = batch(dtype=dtype)
    x[:, 2] = value
    out = one.train(x)
    np.testing.assert_allclose(out[:, 2], one.p["beta"][2], atol=0.02)
    assert np.isfinite(one.backward(dout)).all()
    assert one.p["variance"][2] <= 1e-8


def test_rows_that_are_constant_become_beta():
    one, (_, dout) = Normalisation(LayerNorm()), batch()
    out = one.train(np.full((7, WIDTH), 3.0))
    assert_close(out, np.broadcast_to(one.p["beta"], out.shape))
    assert np.isfinite(one.backward(dout)).all()


@pytest.mark.parametrize("layer", [BatchNorm, LayerNorm])
def test_a_large_mean_costs_few_digits_of_float32(layer):
    """The variance is that of what is left without the mean, not a difference of squares."""
    rng = np.random.RandomState(0)
    x = (1e4 + rng.normal(size=(500, WIDTH))).astype(np.float32)
    single, double = Normalisation(layer(), np.float32), Normalisation(layer())
    expected = double.train(x.astype(float))
    np.testing.assert_allclose(single.train(x), expected, atol=0.02)


@both_dtypes
def test_everything_stays_in_its_type(dtype):
    for layer in (BatchNorm(), LayerNorm()):
        one, (x, dout) = Normalisation(layer, dtype), batch(dtype=dtype)
        arrays = [one.train(x), one.backward(dout), one.predict(x), *one.p.values()]
        assert {array.dtype for array in arrays} == {np.dtype(dtype)}


# -- estimators ----------------------------------------------------------------------

X, Y = problem("multiclass")
PARAMS = {"max_iter": 4, "batch_size": 25, "learning_rate_init": 0.02}
CHOICES = [True, "after", "input", "input_only"]
TOLERANCE = {np.float32: 2e-4, np.float64: 1e-11}

every_choice = pytest.mark.parametrize("batch_norm", CHOICES)


def make(task="multiclass", **params):
    """Return an unfitted estimator with two hidden layers."""
    return estimator(task, **{"hidden_layer_sizes": (9, 6), **PARAMS, **params})


def learnt(est):
    """Return all numbers that an estimator has learnt, and what it predicts."""
    others = [array for views in est.layer_params_ for array in views.values()]
    return [*est.coefs_, *est.intercepts_, *others, outputs(est, X)]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, "Dense Activate Dense Activate Dense"),
        ({"batch_norm": True}, "Dense BatchNorm Activate Dense BatchNorm Activate Dense"),
        ({"batch_norm": "after"}, "Dense Activate BatchNorm Dense Activate BatchNorm Dense"),
        (
            {"batch_norm": "input"},
            "BatchNorm Dense BatchNorm Activate Dense BatchNorm Activate Dense",
        ),
        ({"batch_norm": "input_only"}, "BatchNorm Dense Activate Dense Activate Dense"),
        ({"layer_norm": True}, "Dense LayerNorm Activate Dense LayerNorm Activate Dense"),
        ({"batch_norm": True, "hidden_layer_sizes": ()}, "Dense"),
        ({"batch_norm": "input", "hidden_layer_sizes": ()}, "BatchNorm Dense"),
    ],
    ids=str,
)
def test_networks_are_built_as_documented(params, expected):
    est = make(**params).fit(X, Y)
    names = [type(layer).__name__ for layer in est._model.network.layers]
    assert " ".join(names) == expected
    assert len(est.layer_params_) == sum(name.endswith("Norm") for name in names)
    assert len(est.coefs_) == names.count("Dense")


def test_settings_reach_the_layers():
    est = make(batch_norm=True, batch_norm_momentum=0.3, batch_norm_epsilon=0.01).fit(X, Y)
    layers = [layer for layer in est._model.network.layers if isinstance(layer, BatchNorm)]
    assert [(layer.momentum, layer.epsilon) for layer in layers] == [(0.3, 0.01)] * 2


@pytest.mark.parametrize(
    "params",
    [
        *({"batch_norm": value} for value in ("before", None, 2, [True])),
        *({"batch_norm_momentum": value} for value in (0, -0.1, 1.1, None, np.nan)),
        *({"batch_norm_epsilon": value} for value in (0, -1, None, np.inf)),
        *({"layer_norm": value} for value in ("after", None, 1)),
    ],
    ids=str,
)
def test_bad_settings_are_refused_by_name(params):
    (name,) = params
    with pytest.raises(InvalidParameterError, match=name):
        make(**params).fit(X, Y)


def normalised(est, X, statistics=None):
    """Return the raw scores of the plain network, normalised by given or by own statistics.

    Statistics are those of `X` itself where none are given.
    """
    others = iter(est.layer_params_)
    found = []

    def norm(h):
        p = next(others)
        mean, variance = (h.mean(axis=0), h.var(axis=0))
        found.append((mean, variance))
        if statistics is None:
            mean, variance = p["mean"], p["variance"]
        return p["gamma"] * (h - mean) / np.sqrt(variance + 1e-5) + p["beta"]

    h = norm(X) if est.batch_norm in ("input", "input_only") else X
    for weight, bias in zip(est.coefs_[:-1], est.intercepts_[:-1], strict=True):
        h = h @ weight + bias
        h = norm(h) if est.batch_norm in (True, "input") else h
        h = np.maximum(h, 0)
        h = norm(h) if est.batch_norm == "after" else h
    return h @ est.coefs_[-1] + est.intercepts_[-1], found


@every_choice
@both_dtypes
def test_prediction_is_that_of_the_plain_network(batch_norm, dtype):
    est = make(batch_norm=batch_norm).fit(X.astype(dtype), Y)
    assert all(a.dtype == dtype for views in est.layer_params_ for a in views.values())
    expected, _ = normalised(est, X.astype(dtype).astype(float))
    np.testing.assert_allclose(
        est.decision_function(X.astype(dtype)),
        expected,
        rtol=TOLERANCE[dtype],
        atol=TOLERANCE[dtype],
    )


@every_choice
@pytest.mark.parametrize("weighted", [False, True])
def test_lbfgs_predicts_with_the_statistics_of_all_rows(batch_norm, weighted):
    """The weights are integers, so that rows can be repeated for the textbook."""
    times = np.random.RandomState(0).randint(0, 4, len(X)) if weighted else np.ones(len(X), int)
    est = make(batch_norm=batch_norm, solver="lbfgs", max_iter=7, alpha=0.0)
    est.fit(X, Y, times if weighted else None)
    raw, own = normalised(est, np.repeat(X, times, axis=0), statistics="own")
    for p, (mean, variance) in zip(est.layer_params_, own, strict=True):
        assert_close(p["mean"], mean, 1e-10, 1e-10)
        assert_close(p["variance"], variance, 1e-10, 1e-10)
        assert p["count"] == 1
    predicted = est.decision_function(np.repeat(X, times, axis=0))
    assert_close(predicted, raw, 1e-9, 1e-9)
    log_p = est.predict_log_proba(X)[np.arange(len(Y)), np.searchsorted(est.classes_, Y)]
    assert est.loss_ == pytest.approx(-np.average(log_p, weights=times), rel=1e-9)


@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop"])
@every_choice
def test_statistics_are_the_running_ones_of_the_batches(batch_norm, solver):
    """At a rate of almost zero the network stays what it was at first."""
    est = make(batch_norm=batch_norm, solver=solver, shuffle=False, learning_rate_init=1e-300)
    est.fit(X, Y)
    twins = [[0.0, 0.0] for _ in est.layer_params_]
    for t in range(1, 4 * 3 + 1):
        first = (t - 1) % 3 * 25
        _, own = normalised(est, X[first : first + 25], statistics="own")
        for twin, now in zip(twins, own, strict=True):
            for i in range(2):
                twin[i] = twin[i] + max(0.1, 1 / t) * (now[i] - twin[i])
    for p, (mean, variance) in zip(est.layer_params_, twins, strict=True):
        assert p["count"] == 12
        assert_close(p["mean"], mean, 1e-10, 1e-10)
        assert_close(p["variance"], variance, 1e-10, 1e-10)


@every_choice
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_integer_weights_of_a_whole_batch_are_repeated_rows(batch_norm, solver):
    times = np.random.RandomState(0).randint(0, 3, len(X))
    params = {"batch_norm": batch_norm, "solver": solver, "batch_size": "auto"}
    weighted = make(**params).fit(X, Y, times)
    repeated = make(**params).fit(np.repeat(X, times, axis=0), np.repeat(Y, times))
    for a, b in zip(weighted.coefs_, repeated.coefs_, strict=True):
        assert_close(a, b, 1e-6, 1e-8)
    for a, b in zip(weighted.layer_params_, repeated.layer_params_, strict=True):
        for name in a:
            assert_close(a[name], b[name], 1e-6, 1e-8)


@every_choice
def test_rows_without_weight_change_nothing_but_rounding(batch_norm):
    weight = np.r_[np.ones(40), np.zeros(20)]
    far = X.copy()
    far[40:] *= 1e3
    params = {"batch_norm": batch_norm, "batch_size": 60}
    one, other = (make(**params).fit(data, Y, weight) for data in (X, far))
    for a, b in zip(one.coefs_, other.coefs_, strict=True):
        assert_close(a, b, 1e-7, 1e-9)


@every_choice
@pytest.mark.parametrize("n", [51, 26, 1, 2])
def test_a_last_batch_of_one_row_is_harmless(batch_norm, n):
    with np.errstate(all="raise"):
        est = make(batch_norm=batch_norm, batch_size=min(25, n), early_stopping=False)
        for _ in range(2):
            est.partial_fit(X[:n], Y[:n], classes=[0, 1, 2])
    assert all(np.isfinite(a).all() for a in est.coefs_)
    batches = -(-n // 25) - (n % 25 == 1)
    assert all(p["count"] == 2 * batches for p in est.layer_params_)
    assert np.isfinite(est.predict_proba(X)).all()


@every_choice
def test_batches_of_one_row_train_the_network_by_its_first_statistics(batch_norm):
    est = make(batch_norm=batch_norm, batch_size=1).fit(X, Y)
    for p in est.layer_params_:
        assert (p["count"], p["mean"].any(), (p["variance"] == 1).all()) == (0, False, True)
    assert est.loss_curve_[-1] < est.loss_curve_[0]


@every_choice
@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix])
@both_dtypes
def test_sparse_rows_train_as_dense_ones(batch_norm, kind, dtype):
    """Their products are rounded differently, and the difference grows in twelve steps.

    The derivative of a bias before a normalisation is zero but for rounding. Adam divides
    rounding by its own size and takes steps as large as any, up to a hundredth in the
    probabilities in float32, unless its ε is larger. With 1e-4 the error stays below 1e-5
    for each of forty seeds.
    """
    rows = np.where(np.abs(X) > 0.7, X, 0).astype(dtype)
    full, sparse = (
        make(batch_norm=batch_norm, epsilon=1e-4).fit(c(rows), Y) for c in (np.asarray, kind)
    )
    for found, expected in (
        (sparse.predict_proba(kind(rows)), full.predict_proba(rows)),
        (sparse.predict_proba(rows), full.predict_proba(kind(rows))),
    ):
        np.testing.assert_allclose(found, expected, atol=TOLERANCE[dtype])


@every_choice
@pytest.mark.parametrize("layer_norm", [False, True])
def test_partial_fit_and_warm_starts_go_on_from_pickles(batch_norm, layer_norm):
    params = {"batch_norm": batch_norm, "layer_norm": layer_norm}
    whole, parts = make(**params).fit(X, Y), make(warm_start=True, **{**params, "max_iter": 1})
    for _ in range(whole.max_iter):
        parts = pickle.loads(pickle.dumps(parts.fit(X, Y)))
    assert same(learnt(parts), learnt(whole))
    straight, pickled = make(**params), make(**params)
    for _ in range(3):
        first_partial_fit(straight, X, Y)
        pickled = pickle.loads(pickle.dumps(first_partial_fit(pickled, X, Y)))
    assert same(learnt(pickled), learnt(straight))
    assert pickled.layer_params_[0]["count"] == 9


@every_choice
def test_early_stopping_keeps_the_statistics_of_the_best_epoch(batch_norm):
    """The best epoch, and nothing after it, is what a fit of so many epochs leaves."""
    params = {"batch_norm": batch_norm, "early_stopping": True, "learning_rate_init": 0.1}
    est = make(**{**params, "max_iter": 25, "n_iter_no_change": 25}).fit(X, Y)
    best = 1 + int(np.argmax(est.validation_scores_))
    assert best < 25
    short = make(**{**params, "max_iter": best}).fit(X, Y)
    assert same(learnt(est), learnt(short))
    assert est.layer_params_[0]["count"] == 3 * best


def test_normalised_input_is_streaming_feature_scaling():
    """Features of any size and place give the same network, batch after batch."""
    size, place = 10.0 ** np.arange(-3, 1), np.array([1.0, -2, 0.5, 0])
    plain, scaled = (
        make(batch_norm="input_only", batch_norm_epsilon=1e-30, batch_size=20) for _ in range(2)
    )
    for first in range(0, 60, 20):
        part = slice(first, first + 20)
        first_partial_fit(plain, X[part], Y[part], classes=[0, 1, 2])
        first_partial_fit(scaled, X[part] * size + place, Y[part], classes=[0, 1, 2])
    assert_close(scaled.predict_proba(X * size + place), plain.predict_proba(X), 1e-7, 1e-9)
    (p,) = scaled.layer_params_
    assert_close(p["mean"], (X * size + place).mean(axis=0), 1e-9, 1e-9)


def test_penalties_and_decay_spare_scales_and_shifts():
    """In the first step, before they see weights that were shrunk."""
    params = {"batch_norm": True, "layer_norm": True, "batch_size": 60, "max_iter": 1}
    plain = make(**params, alpha=0.0).fit(X, Y)
    for shrinking in ({"weight_decay": 0.5}, {"alpha": 5.0}, {"alpha": 5.0, "l1_ratio": 1.0}):
        est = make(**{"alpha": 0.0, **params, **shrinking}).fit(X, Y)
        assert same(est.layer_params_, plain.layer_params_)
        assert same(est.intercepts_, plain.intercepts_)
        assert not same(est.coefs_, plain.coefs_)


@pytest.mark.parametrize("task", ["regression", "multi-output", "poisson", "multilabel", "binary"])
@pytest.mark.parametrize("params", [{"batch_norm": "input"}, {"layer_norm": True}], ids=str)
def test_every_task_learns_normalised(task, params):
    X, y = problem(task)
    est = make(task, **{**params, "max_iter": 60, "early_stopping": False}).fit(X, y)
    assert est.loss_curve_[-1] < 0.6 * est.loss_curve_[0]
    assert est.score(X, y) > 0.5


def test_features_of_wild_sizes_are_learnt():
    wild = X * np.array([1e-3, 1.0, 1e3, 1e5]) + 1e2
    est = make(batch_norm="input", max_iter=60).fit(wild, Y)
    assert est.score(wild, Y) > 0.9
