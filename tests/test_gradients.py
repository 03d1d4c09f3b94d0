"""Gradients of every loss against central differences: weights, penalties, types."""

import numpy as np
import pytest
import scipy.sparse as sp
from cases import (
    FEW_LOSS_CASES,
    LOSS_CASES,
    WEIGHT_CASES,
    Problem,
    activation,
    as_dtype,
    check_gradient,
    check_slopes,
    dense,
    each,
    in_one_case,
    layers_by_label,
    make_batch,
    make_objective,
    make_problem,
    pairwise,
    smooth_penalties,
    with_zeros,
)

from skmlp._noise import Noise
from skmlp.penalties import L2

LAYERS = layers_by_label()

every_loss = pytest.mark.parametrize(("name", "case"), each(LOSS_CASES))
some_losses = pytest.mark.parametrize(("name", "case"), each(FEW_LOSS_CASES))


@pytest.mark.parametrize("layer", [label for label in LAYERS if label != "dense"])
@some_losses
def test_gradient_on_scores_that_end_in_any_layer(name, case, layer):
    check_slopes(make_problem([dense(4), dense(case.n_outputs), LAYERS[layer]], name, case))


@every_loss
def test_gradient_of_every_loss_with_weights_and_penalties(name, case):
    penalised, normalised = ([], smooth_penalties()), ([], [LAYERS["batch_norm"]])
    for weights, penalties, layers in pairwise(list(WEIGHT_CASES), penalised, normalised):
        chain = [dense(4), *layers, LAYERS["tanh"], dense(case.n_outputs)]
        check_slopes(make_problem(chain, name, case, weights=weights, penalties=penalties))


@every_loss
def test_gradient_of_a_linear_model(name, case):
    chain, penalties = [dense(case.n_outputs)], smooth_penalties()
    check_gradient(make_problem(chain, name, case, weights="weighted", penalties=penalties))


@in_one_case(kind=[sp.csr_array, sp.csr_matrix])
@pytest.mark.parametrize("first", ["dense", "batch_norm", "layer_norm", "rescale", "smooth_clip"])
@some_losses
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


def check_float32(chain, name, case):
    """Compare a gradient in single precision with that in double precision."""
    double = make_problem(chain, name, case, weights="weighted", penalties=smooth_penalties())
    objective = make_objective(
        chain, case.make(name), penalties=smooth_penalties(), dtype=np.float32
    )
    objective.params.flat[:] = double.objective.params.flat
    objective.statistics.flat[:] = double.objective.statistics.flat
    X, y, weight, total = double.batch
    batch = make_batch(X.astype(np.float32), as_dtype(y, np.float32), None)
    single = Problem(objective, batch._replace(weight=weight.astype("f4"), total=total))
    expected = double.gradient()
    assert single.gradient().dtype == np.float32
    assert single.value() == pytest.approx(double.value(), rel=1e-5)
    atol = 2e-6 * max(1, np.abs(expected).max())
    np.testing.assert_allclose(single.gradient(), expected, rtol=1e-4, atol=atol)


@every_loss
def test_float32_gradient_of_every_loss_is_the_float64_one_rounded(name, case):
    check_float32([dense(4), LAYERS["tanh"], dense(case.n_outputs)], name, case)


@pytest.mark.usefixtures("same_noise_in_both_types")
@pytest.mark.parametrize("layer", LAYERS)
@some_losses
def test_float32_gradient_through_every_layer_is_the_float64_one_rounded(name, case, layer):
    check_float32([dense(4), LAYERS[layer], dense(case.n_outputs)], name, case)


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
