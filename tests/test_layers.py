"""Each layer by itself: values, derivatives, and the promises its flags make."""

import numpy as np
import pytest
import scipy.sparse as sp
from cases import (
    DTYPES,
    FIRST_NOISE,
    LAYER_CASES,
    N_FEATURES,
    WEIGHT_CASES,
    Context,
    batch_shares,
    each,
    in_one_case,
    shake,
    zero_arena,
)
from references import central_differences

from skmlp._noise import Noise
from skmlp.layers import Dense, Step
from skmlp.workspace import Memory

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-13}
N_ROWS = 6

every_layer = pytest.mark.parametrize(("name", "case"), each(LAYER_CASES))
sparse_layers = pytest.mark.parametrize("name", ["dense", "batch_norm", "layer_norm"])
every_weight = in_one_case(weights=WEIGHT_CASES)
both_dtypes = in_one_case(dtype=DTYPES)
both_orders = in_one_case(order=["C", "F"])


class Pass:
    """One layer with its arrays, an input, and the gradient at its output."""

    def __init__(self, case, dtype=np.float64, order="C", weights="unweighted"):
        rng = np.random.RandomState(0)
        self.case, self.layer = case, case.make()
        width = self.layer.build(N_FEATURES)
        (self.p,) = zero_arena([self.layer], dtype)
        self.layer.initialize(self.p, rng)
        shake([self.p], rng)
        learnt = {parameter.name for parameter in self.layer.parameters()}
        self.dp = {name: np.full_like(self.p[name], np.nan) for name in learnt}
        self.s = {
            name: Memory(N_ROWS, buffer, dtype).rows(N_ROWS)
            for name, buffer in self.layer.buffers().items()
        }
        self.x = rng.normal(size=(N_ROWS, N_FEATURES)).astype(dtype)
        self.weight = batch_shares(WEIGHT_CASES[weights](rng, N_ROWS), dtype)
        self.dout = np.asarray(rng.normal(size=(N_ROWS, width)), dtype, order=order)
        self.out = np.full((N_ROWS, width), np.nan, dtype, order=order)
        self.dx = np.full_like(self.x, np.nan)
        for array in self.s.values():
            array.fill(np.nan)

    def forward(self):
        """Predict."""
        self.out = self.layer.forward(self.x, self.out, self.p)
        return self

    def wire(self, dout):
        """Return both passes as the engine has them."""
        return self.layer.wire(self.out, dout, self.dx, self.p, self.dp, self.s)

    def train(self):
        """Go forward in training, always with the same random numbers."""
        noise = Noise()
        noise.restore(FIRST_NOISE)
        train, _ = self.wire(np.full_like(self.dout, np.nan))  # scratch until then
        self.result = train(self.x, Step(self.weight, noise))
        return self

    def backward(self):
        """Go backward."""
        _, backward = self.wire(self.dout)
        backward(self.x, self.out)
        return self

    def gradients(self):
        """Return copies of the derivatives."""
        return [self.dx.copy(), *(self.dp[name].copy() for name in sorted(self.dp))]

    def textbook(self):
        """Return the function of input and parameters for what the layer has drawn."""
        drawn = {name: array.copy() for name, array in self.s.items()}
        fixed = {name: v.astype(float) for name, v in self.p.items() if name not in self.dp}
        share = np.full(N_ROWS, 1 / N_ROWS) if self.weight is None else self.weight
        x = self.x.astype(float)
        p = {**{name: self.p[name].astype(float) for name in self.dp}, **fixed}
        return x, p, lambda: self.case.trained(x, p, Context(share, drawn))


def assert_same_bits(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert a.tobytes() == b.tobytes()


# -- values --------------------------------------------------------------------------


@both_orders
@both_dtypes
@every_layer
def test_prediction_is_the_textbook_function_of_the_input(name, case, dtype, order):
    one = Pass(case, dtype, order)
    kept, arrays = one.x.copy(), {name: array.copy() for name, array in one.p.items()}
    for array in (one.x, *one.p.values()):
        array.flags.writeable = False
    one.forward()
    expected = case.value(one.x.astype(float), one.p)
    np.testing.assert_allclose(one.out, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    assert_same_bits([one.x, *one.p.values()], [kept, *arrays.values()])


@every_weight
@both_orders
@both_dtypes
@every_layer
def test_training_is_the_textbook_function_of_the_input(name, case, dtype, order, weights):
    one = Pass(case, dtype, order, weights)
    kept, (_, _, value) = one.x.copy(), one.textbook()
    one.x.flags.writeable = False
    one.train()
    assert one.result is one.out
    assert one.out.dtype == dtype
    expected = one.textbook()[2]() if one.layer.buffers() else value()
    np.testing.assert_allclose(one.out, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    assert_same_bits([one.x], [kept])


@both_dtypes
@every_layer
def test_training_changes_statistics_alone(name, case, dtype):
    one = Pass(case, dtype)
    for parameter in one.dp:
        one.p[parameter].flags.writeable = False
    one.train()


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix, sp.csc_array])
@every_weight
@both_dtypes
@sparse_layers
def test_sparse_training_is_the_dense_one(name, dtype, weights, kind):
    (case,) = LAYER_CASES[name].values()
    full, sparse = Pass(case, dtype, weights=weights), Pass(case, dtype, weights=weights)
    full.x[np.abs(full.x) < 0.7] = 0
    sparse.x = kind(full.x)
    kept = sparse.x.copy()
    for one in (full, sparse):
        one.dx = None
        one.train()
    np.testing.assert_allclose(sparse.out, full.out, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    full.backward()
    sparse.backward()
    for parameter, gradient in sparse.dp.items():
        np.testing.assert_allclose(
            gradient, full.dp[parameter], rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype]
        )
    assert_same_bits(
        [sparse.x.data, sparse.x.indices, sparse.x.indptr], [kept.data, kept.indices, kept.indptr]
    )


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix, sp.csc_array])
@both_dtypes
@sparse_layers
def test_sparse_prediction_is_the_dense_one(name, dtype, kind):
    (case,) = LAYER_CASES[name].values()
    full, sparse = Pass(case, dtype), Pass(case, dtype)
    full.x[np.abs(full.x) < 0.7] = 0
    sparse.x = kind(full.x)
    full.forward()
    sparse.forward()
    assert sparse.out.dtype == dtype
    np.testing.assert_allclose(sparse.out, full.out, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


# -- derivatives ---------------------------------------------------------------------


@every_weight
@both_orders
@every_layer
def test_derivatives_are_those_of_the_textbook_function(name, case, order, weights):
    one = Pass(case, order=order, weights=weights).train()
    dout = one.dout.copy()
    x, p, value = one.textbook()
    numeric = [
        central_differences(lambda: float((dout * value()).sum()), array)
        for array in (x, *(p[name] for name in sorted(one.dp)))
    ]
    one.backward()
    for found, expected in zip(one.gradients(), numeric, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


@every_weight
@every_layer
def test_float32_derivatives_are_the_float64_ones_rounded(name, case, weights):
    single = Pass(case, np.float32, weights=weights).train()
    double = Pass(case, weights=weights)
    for mine, theirs in ((double.x, single.x), (double.dout, single.dout)):
        np.copyto(mine, theirs)
    for parameter, array in single.p.items():
        np.copyto(double.p[parameter], array)
    double.train()
    for found, expected in zip(
        single.backward().gradients(), double.backward().gradients(), strict=True
    ):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


@both_dtypes
@every_layer
def test_gradients_are_written_not_added(name, case, dtype):
    once = Pass(case, dtype).train().backward().gradients()
    twice = Pass(case, dtype).train().backward()
    twice.dout = Pass(case, dtype).dout
    assert_same_bits(twice.train().backward().gradients(), once)


@every_layer
def test_without_dx_the_parameter_gradients_are_the_same(name, case):
    asked, spared = Pass(case).train().backward(), Pass(case).train()
    spared.dx = None
    spared.backward()
    assert_same_bits(spared.dp.values(), asked.dp.values())


# -- memory --------------------------------------------------------------------------


@every_weight
@both_orders
@both_dtypes
@pytest.mark.parametrize(
    ("name", "case"), [p for p in each(LAYER_CASES) if p.values[1].make().inplace]
)
def test_working_in_place_changes_no_bit(name, case, dtype, order, weights):
    apart, shared, predicted = (Pass(case, dtype, order, weights) for _ in range(3))
    for one in (apart, shared, predicted):
        one.x = np.array(one.x, order=order)
    kept = apart.x.copy()
    for one in (shared, predicted):
        one.out, one.dx = one.x, one.dout
    predicted.forward()
    shared.train()
    assert_same_bits([predicted.out, apart.x], [apart.forward().out, kept])
    apart.out = np.full_like(apart.dout, np.nan)
    assert_same_bits([shared.out], [apart.train().out])
    assert_same_bits(shared.backward().gradients(), apart.backward().gradients())


@every_weight
@every_layer
def test_backward_reads_only_what_the_flags_say(name, case, weights):
    honest, poisoned = (Pass(case, weights=weights).train() for _ in range(2))
    if not poisoned.layer.reads_x:
        poisoned.x[...] = np.nan
    if not poisoned.layer.reads_out:
        poisoned.out[...] = np.nan
    assert_same_bits(poisoned.backward().gradients(), honest.backward().gradients())


@every_layer
def test_backward_leaves_input_and_parameters_alone(name, case):
    one = Pass(case).train()
    for array in (one.x, *one.p.values()):
        array.flags.writeable = False
    one.backward()


@in_one_case(n_rows=[1, 2, N_ROWS])
@every_layer
def test_buffers_are_all_the_memory_a_step_needs(name, case, n_rows):
    """Rows of a smaller batch: whatever lies beyond them in the buffers stays."""
    one = Pass(case)
    beyond = {k: v for k, v in one.layer.buffers().items() if v.n_rows is None}
    one.x, one.out, one.dout = one.x[:n_rows], one.out[:n_rows], one.dout[:n_rows]
    one.dx, whole = one.dx[:n_rows], one.s
    one.s = {k: v[:n_rows] if k in beyond else v for k, v in whole.items()}
    one.train().backward()
    assert all(np.isnan(whole[k][n_rows:]).all() for k in beyond)
    assert all(np.isfinite(array).all() for array in one.gradients())


# -- dense ---------------------------------------------------------------------------


def test_dense_declares_a_penalised_weight_and_a_bias():
    layer = Dense(5)
    assert layer.build(3) == 5
    weight, bias = layer.parameters()
    assert (weight.shape, weight.penalised) == ((3, 5), True)
    assert (bias.shape, bias.penalised) == ((5,), False)


@pytest.mark.parametrize("factor", [2.0, 6.0])
def test_dense_draws_weight_then_bias_from_the_glorot_bound(factor):
    layer = Dense(5, glorot_factor=factor)
    layer.build(3)
    (p,) = zero_arena([layer], np.float32)
    layer.initialize(p, np.random.RandomState(7))
    rng, bound = np.random.RandomState(7), np.sqrt(factor / 8)
    assert_same_bits([p["weight"]], [rng.uniform(-bound, bound, (3, 5)).astype(np.float32)])
    assert_same_bits([p["bias"]], [rng.uniform(-bound, bound, 5).astype(np.float32)])
