"""Initial weights: those that are drawn, and those that are made of the data."""

import inspect
import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, zero_arena
from scipy import stats

from skmlp.activations import ACTIVATIONS
from skmlp.initializers import (
    BIAS_INITIALIZERS,
    INITIALIZERS,
    SIMPLEX_ROWS,
    automatic,
    deviations,
    simplex_bias,
)
from skmlp.layers import Activate, Dense

SHAPE = (300, 200)
FAN_IN, FAN_OUT = SHAPE

#: The variance that each formula promises, and the shape of the distribution.
VARIANCES = {
    "glorot_uniform": (2 / (FAN_IN + FAN_OUT), stats.uniform),
    "glorot_normal": (2 / (FAN_IN + FAN_OUT), stats.norm),
    "he_uniform": (2 / FAN_IN, stats.uniform),
    "he_normal": (2 / FAN_IN, stats.norm),
    "lecun_uniform": (1 / FAN_IN, stats.uniform),
    "lecun_normal": (1 / FAN_IN, stats.norm),
    "unit_variance": (1 / FAN_IN, stats.norm),
}
NAMED = {**INITIALIZERS, **{f"bias_{name}": draw for name, draw in BIAS_INITIALIZERS.items()}}

every_draw = pytest.mark.parametrize("name", NAMED)
both_dtypes = pytest.mark.parametrize("dtype", DTYPES)


def draw(name, shape=SHAPE, seed=0, gain=1.0):
    """Return weights of a named distribution."""
    return NAMED[name](np.random.RandomState(seed), shape, *shape, gain)


def drawn(layer, n_in, dtype=np.float64, seed=7):
    """Return the parameters of a layer as it draws them."""
    layer.build(n_in)
    (p,) = zero_arena([layer], dtype)
    layer.initialize(p, np.random.RandomState(seed))
    return p


# -- distributions -------------------------------------------------------------------


@pytest.mark.parametrize("name", VARIANCES)
def test_weights_follow_the_distribution_of_the_formula(name):
    w, (variance, family) = draw(name), VARIANCES[name]
    frozen = family(-np.sqrt(3 * variance), 2 * np.sqrt(3 * variance))
    if family is stats.norm:
        frozen = stats.norm(0, np.sqrt(variance))
    assert frozen.var() == pytest.approx(variance)
    assert w.mean() == pytest.approx(0, abs=4 * np.sqrt(variance / w.size))
    assert w.var() == pytest.approx(variance, rel=0.03)
    assert stats.kstest(w.ravel(), frozen.cdf).pvalue > 0.01


def test_every_random_initializer_of_weights_is_under_test():
    assert set(VARIANCES) | {"orthogonal", "zeros"} == set(INITIALIZERS)


@pytest.mark.parametrize("factor", [2.0, 6.0])
def test_automatic_weights_fill_the_interval_of_scikit_learn(factor):
    w = automatic(np.random.RandomState(0), SHAPE, *SHAPE, factor)
    bound = np.sqrt(factor / 500)
    assert 0.999 * bound < np.abs(w).max() <= bound
    # The variance of U(-b, b) is b²/3.
    assert w.var() == pytest.approx(bound**2 / 3, rel=0.02)


@pytest.mark.parametrize("shape", [(60, 60), (90, 40), (40, 90), (1, 5), (5, 1), (1, 1)])
@pytest.mark.parametrize("gain", [1.0, 1.7])
def test_orthogonal_weights_are_orthogonal(shape, gain):
    w = draw("orthogonal", shape, gain=gain)
    assert w.shape == shape
    product = w @ w.T if shape[0] < shape[1] else w.T @ w
    np.testing.assert_allclose(product, gain**2 * np.eye(min(shape)), atol=1e-13)


def test_all_orthogonal_matrices_are_equally_likely():
    """Of a uniform rotation of the plane the angle is uniform, and half are reflections."""
    matrices = [draw("orthogonal", (2, 2), seed) for seed in range(2000)]
    angles = [np.arctan2(q[1, 0], q[0, 0]) for q in matrices]
    assert stats.kstest(angles, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 0.01
    assert np.mean([np.linalg.det(q) > 0 for q in matrices]) == pytest.approx(0.5, abs=0.05)


def test_zeros_are_zero():
    assert not draw("zeros").any()
    assert not draw("bias_zeros").any()


def test_uniform_biases_fill_their_interval():
    b = BIAS_INITIALIZERS["uniform"](np.random.RandomState(0), (20_000,), 16, 20_000, 1.0)
    assert stats.kstest(b, stats.uniform(-0.25, 0.5).cdf).pvalue > 0.01


# -- the stream ----------------------------------------------------------------------


@every_draw
def test_draws_are_float64_functions_of_the_stream(name):
    one, again, other = draw(name), draw(name), draw(name, seed=1)
    assert one.shape == SHAPE
    assert one.dtype == np.float64
    assert one.tobytes() == again.tobytes()
    assert one.any() == (one.tobytes() != other.tobytes())


def test_numbers_come_from_the_stream_in_order():
    stream, twin = np.random.RandomState(3), np.random.RandomState(3)
    for shape, fans in (((4, 2), (4, 2)), (2, (4, 2)), ((2, 3), (2, 3))):
        bound = np.sqrt(6 / sum(fans))
        expected = twin.uniform(-bound, bound, shape)
        assert automatic(stream, shape, *fans, 6.0).tobytes() == expected.tobytes()


@every_draw
def test_every_initializer_states_its_formula_and_its_source(name):
    summary, _, rest = inspect.getdoc(NAMED[name]).partition("\n\n")
    assert "=" in summary
    assert rest.partition("References\n----------\n")[2].strip()


# -- dense layers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("init", "init_bias"), list(itertools.product(INITIALIZERS, BIAS_INITIALIZERS))
)
def test_dense_draws_weight_then_bias_by_name(init, init_bias):
    p, rng = drawn(Dense(5, init=init, init_bias=init_bias, gain=1.5), 3), np.random.RandomState(7)
    np.testing.assert_array_equal(p["weight"], INITIALIZERS[init](rng, (3, 5), 3, 5, 1.5))
    np.testing.assert_array_equal(p["bias"], BIAS_INITIALIZERS[init_bias](rng, (5,), 3, 5, 1.5))


@pytest.mark.parametrize("factor", [2.0, 6.0])
@both_dtypes
def test_dense_draws_as_scikit_learn_unless_told_otherwise(factor, dtype):
    p, rng = drawn(Dense(5, factor), 3, dtype), np.random.RandomState(7)
    bound = np.sqrt(factor / 8)
    assert p["weight"].tobytes() == rng.uniform(-bound, bound, (3, 5)).astype(dtype).tobytes()
    assert p["bias"].tobytes() == rng.uniform(-bound, bound, 5).astype(dtype).tobytes()


@pytest.mark.parametrize("init", INITIALIZERS)
def test_biases_of_named_weights_are_zero_unless_told_otherwise(init):
    assert not drawn(Dense(5, init=init), 3)["bias"].any()


def test_weights_of_zero_can_have_biases():
    p = drawn(Dense(5, init="zeros", init_bias="uniform"), 3)
    assert not p["weight"].any()
    assert p["bias"].all()


def test_options_are_the_names():
    names = {"init": INITIALIZERS, "init_bias": BIAS_INITIALIZERS}
    for argument, registry in names.items():
        constraint = Dense.constraints[argument]
        assert all(constraint.accepts(name) for name in ["auto", *registry])
        assert not any(constraint.accepts(value) for value in ("he", "", None, 1, ["zeros"]))


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "tanh", "selu", "gelu", "mish", "elu"])
def test_orthogonal_weights_with_the_gain_keep_the_second_moment(name):
    """Through ten layers as wide as the data."""
    function, z = ACTIVATIONS[name](), np.random.RandomState(0).normal(size=(500, 256))
    for seed in range(10):
        dense = Dense(256, init="orthogonal", gain=function.gain())
        p, out = drawn(dense, 256, seed=seed), np.empty_like(z)
        function.forward(z, z)
        z = dense.forward(z, out, p)
        assert 0.7 < (z**2).mean() < 1.4


# -- weights made of the data --------------------------------------------------------


def data(kind=np.asarray, seed=0):
    """Return rows with features of different scales, one of them constant, and weights."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(400, 6)) * [1, 10, 1e3, 1e-3, 1, 0] + [0, 5, 0, 0, 100, 3]
    X[:, 0] *= rng.rand(400) < 0.5
    return kind(X), rng.uniform(0, 2, 400) * (rng.rand(400) < 0.8)


def spread(z, weight):
    """Return the weighted standard deviation of each column, row by row."""
    share = np.full(len(z), 1 / len(z)) if weight is None else weight / weight.sum()
    mean = sum(s * row for s, row in zip(share, z, strict=True))
    return np.sqrt(sum(s * (row - mean) ** 2 for s, row in zip(share, z, strict=True)))


def test_deviations_are_the_weighted_standard_deviations():
    X, weight = data()
    X = X[:, :5]
    np.testing.assert_allclose(deviations(X, None), X.std(axis=0), rtol=1e-12)
    np.testing.assert_allclose(deviations(X, weight), spread(X, weight), rtol=1e-12)
    np.testing.assert_allclose(deviations(X, 7 * weight), deviations(X, weight), rtol=1e-12)


@pytest.mark.parametrize("value", [0.0, 3.0, 0.1, -1e9, 1e-30])
def test_constant_columns_have_no_deviation_to_divide_by(value):
    assert deviations(np.full((50, 2), value), None).tolist() == [1, 1]
    noisy = value * (1 + 1e-15 * np.random.RandomState(0).normal(size=(50, 2)))
    assert deviations(noisy, np.ones(50)).tolist() == [1, 1]


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array, sp.csr_matrix])
@pytest.mark.parametrize("weighted", [False, True])
@both_dtypes
def test_unit_variance_is_what_it_says(dtype, weighted, kind):
    X, weight = data(kind)
    X, weight = X.astype(dtype), weight if weighted else None
    dense = Dense(9, init="unit_variance")
    p = drawn(dense, 6, dtype)
    direction = p["weight"] / np.linalg.norm(p["weight"], axis=0)
    dense.adapt(X, p, weight, np.random.RandomState(0))
    z = np.asarray(X.astype(float) @ p["weight"].astype(float))
    np.testing.assert_allclose(spread(z, weight), 1, rtol=1e-5)
    np.testing.assert_allclose(
        p["weight"] / np.linalg.norm(p["weight"], axis=0), direction, rtol=1e-5
    )
    assert not p["bias"].any()


def test_units_that_see_constants_keep_their_weights():
    dense, X = Dense(4, init="unit_variance"), np.full((50, 3), 0.3)
    p = drawn(dense, 3)
    kept = p["weight"].copy()
    dense.adapt(X, p, None, np.random.RandomState(0))
    np.testing.assert_array_equal(p["weight"], kept)


def test_a_deep_net_has_unit_variance_in_each_layer():
    x, weight = data()
    rng = np.random.RandomState(1)
    for _ in range(5):
        dense = Dense(30, init="unit_variance", init_bias="he5")
        p = drawn(dense, x.shape[1])
        dense.adapt(x, p, weight, rng)
        z = dense.forward(x, np.empty((len(x), 30)), p)
        np.testing.assert_allclose(spread(z, weight), 1, rtol=1e-10)
        x = Activate(ACTIVATIONS["mish"]()).forward(z, z, {})


def test_simplex_bias_is_minus_a_random_mean_of_five_rows():
    z, n_units = np.random.RandomState(0).normal(size=(40, 3)), 3
    found = simplex_bias(z, None, np.random.RandomState(5))
    rng = np.random.RandomState(5)
    rows = rng.choice(40, (SIMPLEX_ROWS, n_units))
    share = rng.standard_exponential((SIMPLEX_ROWS, n_units))
    for j in range(n_units):
        expected = -sum(
            s * z[row, j]
            for s, row in zip(share[:, j] / share[:, j].sum(), rows[:, j], strict=True)
        )
        assert found[j] == pytest.approx(expected, rel=1e-13)


def test_simplex_bias_has_the_moments_of_a_uniform_simplex():
    """For independent rows, E b = -E z and Var b = Var z · E Σ s² = Var z · 2 / (5 + 1)."""
    rng = np.random.RandomState(0)
    z = np.broadcast_to(rng.normal(2, 3, size=(5000, 1)), (5000, 20_000))
    b = simplex_bias(z, None, rng)
    assert b.mean() == pytest.approx(-z[:, 0].mean(), abs=0.05)
    assert b.var() == pytest.approx(z[:, 0].var() / 3, rel=0.05)


def test_simplex_bias_lets_rows_without_weight_out():
    z = np.repeat([[1.0], [100.0], [2.0]], 200, axis=1)
    b = simplex_bias(z, np.array([1.0, 0.0, 3.0]), np.random.RandomState(0))
    assert b.min() > -2 - 1e-12
    assert b.max() < -1 + 1e-12
    assert b.mean() == pytest.approx(-1.75, abs=0.05)


@both_dtypes
def test_he5_biases_put_each_unit_among_the_data(dtype):
    X, weight = data()
    dense = Dense(40, init="he_normal", init_bias="he5")
    p = drawn(dense, 6, dtype)
    kept = p["weight"].copy()
    dense.adapt(X.astype(dtype), p, weight, np.random.RandomState(0))
    np.testing.assert_array_equal(p["weight"], kept)
    z = X.astype(dtype) @ p["weight"] + p["bias"]
    assert ((z < 0).any(axis=0) & (z > 0).any(axis=0)).all()


@pytest.mark.parametrize("init", ["auto", *INITIALIZERS])
@pytest.mark.parametrize("init_bias", ["auto", *BIAS_INITIALIZERS])
def test_only_layers_that_ask_for_data_adapt(init, init_bias):
    dense, (X, weight) = Dense(4, init=init, init_bias=init_bias), data()
    p, rng = drawn(dense, 6), np.random.RandomState(0)
    before, state = {name: v.copy() for name, v in p.items()}, rng.get_state()[1].copy()
    dense.adapt(X, p, weight, rng)
    changed = any((p[name] != before[name]).any() for name in p)
    assert dense.adapts == (init == "unit_variance" or init_bias == "he5")
    assert changed == (init == "unit_variance" or (init_bias == "he5" and init != "zeros"))
    assert (rng.get_state()[1] == state).all() or init_bias == "he5"


def test_other_layers_do_not_adapt():
    layer = Activate(ACTIVATIONS["relu"]())
    layer.build(3)
    assert not layer.adapts
    assert layer.adapt(np.ones((2, 3)), {}, None, np.random.RandomState(0)) is None
