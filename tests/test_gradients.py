"""Gradients against central differences, through every pair of layers and every loss."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from cases import (
    LOSS_CASES,
    N_FEATURES,
    WEIGHT_CASES,
    Problem,
    all_penalties,
    as_dtype,
    build_network,
    dense,
    each,
    layers_by_label,
    make_batch,
    make_objective,
    make_problem,
)
from references import central_differences

from skmlp.penalties import L2

LAYERS = layers_by_label()
PAIRS = list(itertools.product(LAYERS, repeat=2))
CHAINS = {
    "between": lambda a, b: [dense(4), a, b, dense(3)],
    "first": lambda a, b: [a, b, dense(3)],
    "last": lambda a, b: [dense(4), a, b],
    "apart": lambda a, b: [dense(3), a, dense(4), b, dense(3)],
}
THREE_TARGETS = LOSS_CASES["squared_error"]["3_outputs"]


def check_gradient(problem):
    """Compare every entry of the gradient with central differences."""
    found = problem.gradient()
    numeric = central_differences(problem.value, problem.objective.params.flat)
    assert np.abs(numeric).max() > 1e-3
    np.testing.assert_allclose(found, numeric, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("place", CHAINS)
@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_gradient_through_every_ordered_pair_of_layers(a, b, place):
    chain = CHAINS[place](LAYERS[a], LAYERS[b])
    case = THREE_TARGETS._replace(n_outputs=build_network(chain).n_outputs)
    check_gradient(make_problem(chain, "squared_error", case))


@pytest.mark.parametrize("layer", [label for label in LAYERS if label != "dense"])
@pytest.mark.parametrize(("name", "case"), each(LOSS_CASES))
def test_gradient_of_every_loss_on_scores_that_end_in_any_layer(name, case, layer):
    check_gradient(make_problem([dense(4), dense(case.n_outputs), LAYERS[layer]], name, case))


@pytest.mark.parametrize("penalised", [False, True], ids=["plain", "penalised"])
@pytest.mark.parametrize("weights", WEIGHT_CASES)
@pytest.mark.parametrize(("name", "case"), each(LOSS_CASES))
def test_gradient_of_every_loss_with_weights_and_penalties(name, case, weights, penalised):
    chain = [dense(4), LAYERS["tanh"], dense(case.n_outputs)]
    penalties = all_penalties() if penalised else []
    check_gradient(make_problem(chain, name, case, weights=weights, penalties=penalties))


@pytest.mark.parametrize(("name", "case"), each(LOSS_CASES))
def test_gradient_of_a_linear_model(name, case):
    chain = [dense(case.n_outputs)]
    check_gradient(make_problem(chain, name, case, weights="weighted", penalties=all_penalties()))


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_input_gradient_is_what_the_layer_below_receives(a, b):
    """With X = I and a bias of zero, a dense layer below hands on its weight, so that the
    weight's gradient is the gradient at the input of the layers above, row by row."""
    above = [LAYERS[a], LAYERS[b], dense(3)]
    problem = make_problem(above, "squared_error", THREE_TARGETS, n_rows=N_FEATURES)
    X = problem.batch.X.copy()
    moved = Problem(problem.objective, problem.batch._replace(X=X))
    numeric = central_differences(moved.value, X)
    whole = make_objective([dense(N_FEATURES), *above], "squared_error")
    copy_parameters(whole.params.views, [{"weight": X, "bias": 0}, *problem.objective.params.views])
    Problem(whole, make_batch(np.eye(N_FEATURES), problem.batch.y, None)).gradient()
    np.testing.assert_allclose(whole.grads.views[0]["weight"], numeric, rtol=1e-7, atol=1e-10)


def copy_parameters(views, values):
    """Set the parameters of each layer."""
    for view, value in zip(views, values, strict=True):
        for name in view:
            view[name][...] = value[name]


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix])
@pytest.mark.parametrize(("name", "case"), each(LOSS_CASES))
def test_gradient_of_sparse_rows_is_that_of_dense_rows(name, case, kind):
    chain = [dense(4), LAYERS["relu"], dense(case.n_outputs)]
    problem = make_problem(chain, name, case, weights="weighted")
    X = np.where(np.abs(problem.batch.X) > 0.5, problem.batch.X, 0)
    dense_one = Problem(problem.objective, problem.batch._replace(X=X))
    sparse_one = Problem(problem.objective, problem.batch._replace(X=kind(X)))
    assert sparse_one.value() == pytest.approx(dense_one.value(), rel=1e-14)
    np.testing.assert_allclose(sparse_one.gradient(), dense_one.gradient(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("name", "case"), each(LOSS_CASES))
def test_float32_gradient_is_the_float64_one_rounded(name, case, layer):
    chain = [dense(4), LAYERS[layer], dense(case.n_outputs)]
    double = make_problem(chain, name, case, weights="weighted", penalties=all_penalties())
    single = make_problem(
        chain, name, case, weights="weighted", penalties=all_penalties(), dtype=np.float32
    )
    single.objective.params.flat[:] = double.objective.params.flat
    X, y, weight, total = double.batch
    batch = make_batch(X.astype(np.float32), as_dtype(y, np.float32), None)
    single = Problem(single.objective, batch._replace(weight=weight.astype("f4"), total=total))
    assert single.gradient().dtype == np.float32
    assert single.value() == pytest.approx(double.value(), rel=1e-5)
    np.testing.assert_allclose(single.gradient(), double.gradient(), rtol=1e-4, atol=1e-6)


def test_whole_net_agrees_with_torch():
    torch = pytest.importorskip("torch")
    case = LOSS_CASES["multinomial_log_loss"]["4_outputs"]
    chain = [dense(4), LAYERS["relu"], dense(4), LAYERS["tanh"], dense(4), LAYERS["logistic"]]
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
