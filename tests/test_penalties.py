"""Penalties: value, gradient, blocks, and what they spare."""

import numpy as np
import pytest
from cases import (
    DTYPES,
    LOSS_CASES,
    PENALTY_CASES,
    dense,
    each,
    make_batch,
    make_objective,
    make_problem,
)
from references import central_differences

from skmlp._arena import BLOCK
from skmlp.penalties import L2, PENALTIES

TOLERANCE = {np.float32: 1e-6, np.float64: 1e-13}

every_penalty = pytest.mark.parametrize(("name", "case"), each(PENALTY_CASES))
both_dtypes = pytest.mark.parametrize("dtype", DTYPES)


@pytest.mark.parametrize("scale", [1.0, 0.02])
@both_dtypes
@every_penalty
def test_value_and_added_gradient_are_the_textbook_ones(name, case, dtype, scale):
    rng = np.random.RandomState(0)
    w, g = rng.normal(size=(2, 11)).astype(dtype)
    before, scratch = g.copy(), np.full(20, np.nan, dtype)
    value = PENALTIES[name](**case.arguments).value_gradient(w, g, scale, scratch)
    wide = w.astype(float)
    slope = central_differences(lambda: scale * case.reference(wide, **case.arguments), wide)
    assert value == pytest.approx(
        scale * case.reference(wide, **case.arguments), rel=TOLERANCE[dtype]
    )
    np.testing.assert_allclose(g, before + slope, rtol=1e-6 if dtype == np.float32 else 1e-10)


@every_penalty
def test_objective_adds_the_penalty_divided_by_the_weight_sum(name, case):
    squared = LOSS_CASES["squared_error"]["3_outputs"]
    chain, penalty = [dense(4), dense(3)], PENALTIES[name](**case.arguments)
    plain, penalised = (
        make_problem(chain, "squared_error", squared, weights="weighted", penalties=penalties)
        for penalties in ([], [penalty])
    )
    w = np.concatenate([views["weight"].ravel() for views in plain.objective.params.views])
    omega = case.reference(w, **case.arguments) / plain.batch.total
    assert penalised.value() - plain.value() == pytest.approx(omega, rel=1e-10)
    plain.gradient()
    penalised.gradient()
    for found, spared in zip(
        penalised.objective.grads.views, plain.objective.grads.views, strict=True
    ):
        assert found["bias"].tobytes() == spared["bias"].tobytes()


def test_weights_over_many_blocks_are_all_penalised_once():
    width = BLOCK // 40
    objective = make_objective([dense(width), dense(50)], "squared_error", penalties=[L2(0.7)])
    assert BLOCK < objective.params.n_penalised < objective.params.flat.size
    assert objective.params.n_penalised % BLOCK
    X, y = np.zeros((2, 3)), np.zeros((2, 50))
    params = objective.params.flat
    for view in objective.params.views:
        view["bias"][...] = 0
    batch = make_batch(X, y, np.array([1.0, 3.0]))
    value = objective(*batch, objective.workspace(2).rows(2))
    assert value == pytest.approx(0.7 / 2 * (params**2).sum() / 4, rel=1e-12)
    np.testing.assert_allclose(objective.grads.flat, 0.7 / 4 * params, rtol=1e-12)
