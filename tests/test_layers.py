"""Each layer by itself: values, derivatives, and the promises its flags make."""

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, LAYER_CASES, N_FEATURES, dense, each, zero_arena
from references import central_differences

from skmlp.layers import Dense

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-13}
N_ROWS = 6

every_layer = pytest.mark.parametrize(("name", "case"), each(LAYER_CASES))
both_dtypes = pytest.mark.parametrize("dtype", DTYPES)


class Pass:
    """One layer with its parameters, an input, and the gradient at its output."""

    def __init__(self, case, dtype=np.float64, order="C"):
        rng = np.random.RandomState(0)
        self.layer = case.make()
        width = self.layer.build(N_FEATURES)
        (self.p,) = zero_arena([self.layer], dtype)
        (self.dp,) = zero_arena([self.layer], dtype)
        self.layer.initialize(self.p, rng)
        self.x = rng.normal(size=(N_ROWS, N_FEATURES)).astype(dtype)
        self.dout = np.asarray(rng.normal(size=(N_ROWS, width)), dtype, order=order)
        self.out = np.full((N_ROWS, width), np.nan, dtype, order=order)
        self.dx = np.full_like(self.x, np.nan)
        for view in self.dp.values():
            view[...] = np.nan

    def forward(self):
        self.layer.forward(self.x, self.out, self.p)
        return self

    def backward(self):
        self.layer.backward(self.x, self.out, self.dout, self.dx, self.p, self.dp)
        return self

    def results(self):
        return [self.dx.copy(), *(view.copy() for view in self.dp.values())]


def assert_same_bits(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("order", ["C", "F"])
@both_dtypes
@every_layer
def test_output_is_the_textbook_function_of_the_input(name, case, dtype, order):
    one = Pass(case, dtype, order)
    kept = one.x.copy()
    one.x.flags.writeable = False
    one.forward()
    expected = case.value(one.x.astype(float), one.p)
    np.testing.assert_allclose(one.out, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    assert_same_bits([one.x], [kept])


@pytest.mark.parametrize("order", ["C", "F"])
@every_layer
def test_derivatives_are_those_of_the_textbook_function(name, case, order):
    one = Pass(case, order=order).forward().backward()
    numeric = [
        central_differences(lambda: float((one.dout * case.value(one.x, one.p)).sum()), array)
        for array in (one.x, *one.p.values())
    ]
    for found, expected in zip(one.results(), numeric, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


@both_dtypes
@every_layer
def test_gradients_are_written_not_added(name, case, dtype):
    once = Pass(case, dtype).forward().backward().results()
    again = Pass(case, dtype).forward().backward().forward().backward().results()
    assert_same_bits(again, once)


@every_layer
def test_without_dx_the_parameter_gradients_are_the_same(name, case):
    asked, spared = Pass(case).forward().backward(), Pass(case).forward()
    spared.layer.backward(spared.x, spared.out, spared.dout, None, spared.p, spared.dp)
    assert_same_bits(spared.dp.values(), asked.dp.values())


@both_dtypes
@pytest.mark.parametrize(
    ("name", "case"), [p for p in each(LAYER_CASES) if p.values[1].make().inplace]
)
def test_working_in_place_changes_no_bit(name, case, dtype):
    apart, shared = Pass(case, dtype), Pass(case, dtype)
    shared.out, shared.dx = shared.x, shared.dout
    apart.forward()
    shared.forward()
    assert_same_bits([shared.out], [apart.out])
    assert_same_bits(shared.backward().results(), apart.backward().results())


@every_layer
def test_backward_reads_only_what_the_flags_say(name, case):
    honest, poisoned = Pass(case).forward(), Pass(case).forward()
    if not poisoned.layer.reads_x:
        poisoned.x[...] = np.nan
    if not poisoned.layer.reads_out:
        poisoned.out[...] = np.nan
    assert_same_bits(poisoned.backward().results(), honest.backward().results())


@every_layer
def test_backward_leaves_input_and_parameters_alone(name, case):
    one = Pass(case).forward()
    for array in (one.x, *one.p.values()):
        array.flags.writeable = False
    one.backward()


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


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix, sp.csc_array])
@both_dtypes
def test_dense_takes_a_sparse_input(kind, dtype):
    full = Pass(dense(4), dtype)
    full.x[np.abs(full.x) < 0.7] = 0
    sparse = Pass(dense(4), dtype)
    sparse.x, sparse.dx = kind(full.x), None
    full.dx = None
    for one in (full, sparse):
        one.forward().backward()
    for found, expected in (
        (sparse.out, full.out),
        *zip(sparse.dp.values(), full.dp.values(), strict=True),
    ):
        assert found.dtype == dtype
        np.testing.assert_allclose(
            found, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] / 10
        )
