"""Gradients through chains of layers against central differences."""

import numpy as np
import pytest
import scipy.sparse as sp
from cases import (
    FIRST_NOISE,
    N_FEATURES,
    TAKE_SPARSE,
    WEIGHT_CASES,
    Problem,
    chain_problem,
    check_gradient,
    check_slopes,
    dense,
    every_ordered_pair,
    in_one_case,
    layers_by_label,
    make_objective,
    with_zeros,
)
from references import central_differences

LAYERS = layers_by_label()
every_pair = every_ordered_pair(LAYERS)
CHAINS = {
    "between": lambda *layers: [dense(4), *layers, dense(3)],
    "first": lambda *layers: [*layers, dense(3)],
    "last": lambda *layers: [dense(4), *layers],
    "apart": lambda a, b: [dense(3), a, dense(4), b, dense(3)],
}
TYPICAL = [
    ("batch_norm", "relu", "dropout"),
    ("layer_norm", "silu", "dropout"),
    ("relu", "batch_norm", "dropout"),
    ("batch_norm", "gaussian_noise", "dropout"),
    ("layer_norm", "tanh", "alpha_dropout"),
    ("batch_norm", "prelu", "dropout"),
]
TRIPLES = [
    tuple(map(str, np.random.RandomState(seed).choice(list(LAYERS), 3))) for seed in range(150)
]


def weights_of(a, b, among=tuple(WEIGHT_CASES), labels=tuple(LAYERS)):
    """Return weights for a pair of layers: each layer has all of them, as the first and second."""
    return among[(labels.index(a) + labels.index(b)) % len(among)]


@every_pair
def test_gradient_through_every_ordered_pair_of_layers(a, b):
    chain = CHAINS["between"](LAYERS[a], LAYERS[b])
    check_gradient(chain_problem(chain))
    weights = weights_of(a, b, ("weighted", "some_weightless", "one_row"))
    check_slopes(chain_problem(chain, weights=weights))


@in_one_case(place=["first", "last", "apart"])
@every_pair
def test_gradient_through_every_ordered_pair_at_other_places(a, b, place):
    check_slopes(chain_problem(CHAINS[place](LAYERS[a], LAYERS[b]), weights=weights_of(a, b)))


@in_one_case(place=["between", "first", "last"])
@pytest.mark.parametrize("layers", TYPICAL, ids="-".join)
def test_gradient_through_typical_triples_of_layers(layers, place):
    cases = [LAYERS[name] for name in layers]
    check_slopes(chain_problem(CHAINS[place](*cases), weights="some_weightless"))


@pytest.mark.parametrize("place", ["between", "first", "last"])
def test_gradient_through_random_triples_of_layers(place):
    for layers in TRIPLES[["between", "first", "last"].index(place) :: 3]:
        cases = [LAYERS[name] for name in layers]
        check_slopes(chain_problem(CHAINS[place](*cases), weights="some_weightless"))


@pytest.mark.parametrize("weights", WEIGHT_CASES)
def test_gradient_of_a_whole_network_with_all_there_is(weights):
    chain = [LAYERS["rescale"], LAYERS["smooth_clip"], LAYERS["batch_norm"]]
    chain += [LAYERS["gaussian_noise"], LAYERS["dropout"]]
    for layers in TYPICAL:
        chain += [dense(4), *(LAYERS[name] for name in layers)]
    problem = chain_problem([*chain, dense(3), LAYERS["bound"]], weights=weights, n_rows=9)
    check = check_gradient if weights == "weighted" else check_slopes
    check(problem)


@every_pair
def test_input_gradient_is_what_the_layer_below_receives(a, b):
    """With X = I and a bias of zero, a dense layer below hands on its weight, so that the
    weight's gradient is the gradient at the input of the layers above, row by row."""
    above = [LAYERS[a], LAYERS[b], dense(3)]
    weights = weights_of(a, b, ("unweighted", "some_weightless"))
    problem = chain_problem(above, weights=weights, n_rows=N_FEATURES)
    X = problem.batch.X.copy()
    moved = Problem(problem.objective, problem.batch._replace(X=X))
    numeric = central_differences(moved.value, X)
    whole = make_objective([dense(N_FEATURES), *above], "squared_error")
    copy_arrays(whole.views, [{"weight": X, "bias": 0}, *problem.objective.views])
    Problem(whole, problem.batch._replace(X=np.eye(N_FEATURES))).gradient()
    np.testing.assert_allclose(whole.grads.views[0]["weight"], numeric, rtol=1e-7, atol=1e-9)


def copy_arrays(views, values):
    """Set the parameters and statistics of each layer."""
    for view, value in zip(views, values, strict=True):
        for name in view:
            view[name][...] = value[name]


@every_ordered_pair(TAKE_SPARSE)
def test_gradient_of_sparse_rows_through_the_first_layers(a, b):
    """The batch cannot be written to: see ``make_batch``."""
    chain = [LAYERS[a], LAYERS[b], dense(4), LAYERS["tanh"], dense(3)]
    check_slopes(with_zeros(chain_problem(chain), sp.csr_matrix))
    weights = weights_of(a, b, labels=TAKE_SPARSE)
    check_slopes(with_zeros(chain_problem(chain, weights=weights), sp.csr_array))


@every_pair
def test_a_step_in_training_leaves_no_trace_in_the_next(a, b):
    """Other rows in between, and the same random numbers: the same bits."""
    chain = [LAYERS[a], dense(4), LAYERS[b]]
    objective, batch = chain_problem(chain, weights=weights_of(a, b))
    rows, other = objective.workspace(5).rows(5), batch._replace(X=2 * batch.X)
    bits = []
    for one in (batch, other, batch):
        objective.noise.restore(FIRST_NOISE)
        value = objective(*one, rows)
        bits.append((value, objective.grads.flat.tobytes()))
    assert bits[0] == bits[2] != bits[1]
