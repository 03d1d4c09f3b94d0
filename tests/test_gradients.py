"""Gradients of every loss against central differences: weights, penalties, types."""

import numpy as np
import pytest
import scipy.sparse as sp
from cases import (
    LOSS_CASES,
    WEIGHT_CASES,
    Problem,
    activation,
    as_dtype,
    check_gradient,
    check_slopes,
    dense,
    each,
    layers_by_label,
    make_batch,
    make_objective,
    make_problem,
    smooth_penalties,
    with_zeros,
)

from skmlp._noise import Noise
from skmlp.penalties import L2

LAYERS = layers_by_label()


@pytest.mark.parametrize("layer", [label for label in LAYERS if label != "dense"])
@pytest.mark.parametrize(("name", "case"), each(LOSS_CASES))
def test_gradient_of_every_loss_on_scores_that_end_in_any_layer(name, case, layer):
    check_slopes(make_problem([dense(4), dense(case.n_outputs), LAYERS[layer]], name, case))


@pytest.mark.parametrize("penalised", [False, True], ids=["plain", "penalised"])
@pytest.mark.parametrize("weights", WEIGHT_CASES)
@pytest.mark.parametrize(("name", "case"), each(LOSS_CASES))
def test_gradient_of_every_loss_with_weights_and_penalties(name, case, weights, penalised):
    penalties = smooth_penalties() if penalised else []
    for normalised in ([], [LAYERS["batch_norm"]]):
        chain = [dense(4), *normalised, LAYERS["tanh"], dense(case.n_outputs)]
        check_slopes(make_problem(chain, name, case, weights=weights, penalties=penalties))


@pytest.mark.parametrize(("name", "case"), each(LOSS_CASES))
def test_gradient_of_a_linear_model(name, case):
    chain, penalties = [dense(case.n_outputs)], smooth_penalties()
    check_gradient(make_problem(chain, name, case, weights="weighted", penalties=penalties))


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix])
@pytest.mark.parametrize("first", ["dense", "batch_norm", "layer_norm", "rescale", "smooth_clip"])
@pytest.mark.parametrize(("name", "case"), each(LOSS_CASES))
def test_gradient_of_sparse_rows_is_that_of_dense_rows(name, case, first, kind):
    chain = [LAYERS[first], dense(4), LAYERS["relu"], dense(case.n_outputs)]
    problem = make_problem(chain, name, case, weights="weighted")
    full, sparse = with_zeros(problem, np.asarray), with_zeros(problem, kind)
    assert sparse.value() == pytest.approx(full.value(), rel=1e-13)
    np.testing.assert_allclose(sparse.gradient(), full.gradient(), rtol=1e-11, atol=1e-13)


@pytest.fixture
def same_noise_in_both_types(monkeypatch):
    """Let single precision have the noise of double precision, rounded."""

    def normal(self, out):
        np.copyto(out, self._generator.standard_normal(out.shape), casting="same_kind")

    monkeypatch.setattr(Noise, "normal", normal)


@pytest.mark.usefixtures("same_noise_in_both_types")
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("name", "case"), each(LOSS_CASES))
def test_float32_gradient_is_the_float64_one_rounded(name, case, layer):
    chain = [dense(4), LAYERS[layer], dense(case.n_outputs)]
    double = make_problem(chain, name, case, weights="weighted", penalties=smooth_penalties())
    objective = make_objective(
        chain, case.make(name), penalties=smooth_penalties(), dtype=np.float32
    )
    objective.params.flat[:] = double.objective.params.flat
    objective.statistics.flat[:] = double.objective.statistics.flat
    X, y, weight, total = double.batch
    batch = make_batch(X.astype(np.float32), as_dtype(y, np.float32), None)
    single = Problem(objective, batch._replace(weight=weight.astype("f4"), total=total))
    assert single.gradient().dtype == np.float32
    assert single.value() == pytest.approx(double.value(), rel=1e-5)
    expected = double.gradient()
    atol = 2e-6 * max(1, np.abs(expected).max())
    np.testing.assert_allclose(single.gradient(), expected, rtol=1e-4, atol=atol)


def test_whole_net_agrees_with_torch():
    torch = pytest.importorskip("torch")
    case = LOSS_CASES["multinomial_log_loss"]["4_outputs"]
    chain = [dense(4), LAYERS["relu"], dense(4), LAYERS["tanh"], dense(4), activation("logistic")]
    chain = [*chain, dense(case.n_outputs)]
    problem = make_problem(
        chain, "multinomial_log_loss", case, weights="some_weightless", penalties=[L2(0.3)]
    )
    X, y, weight = (torch.tensor(part) for part in problem.batch[:3])
    params = [
        {name: torch.tensor(view, requires_grad=True) for name, view in views.items()}
        for views in problem.objective.params.views
    ]
    functions = iter([torch.relu, torch.tanh, torch.sigmoid])
    for p in params:
        X = X @ p["weight"] + p["bias"] if p else next(functions)(X)
    rows = torch.nn.functional.cross_entropy(X, y, reduction="none")
    squares = sum((p["weight"] ** 2).sum() for p in params if p)
    value = (weight * rows).sum() + 0.3 / 2 * squares / problem.batch.total
    value.backward()
    assert problem.value() == pytest.approx(value.item(), rel=1e-10)
    problem.gradient()
    for p, found in zip(params, problem.objective.grads.views, strict=True):
        for name, tensor in p.items():
            np.testing.assert_allclose(found[name], tensor.grad.numpy(), rtol=1e-10, atol=1e-14)
