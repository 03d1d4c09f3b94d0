"""Frozen layers: what is held keeps every bit, and the rest trains as if it were the net."""

import itertools
import math
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from cases import (
    LOSS_CASES,
    N_FEATURES,
    Recorder,
    dense,
    in_one_case,
    layers_by_label,
    make_objective,
    make_problem,
    make_solver,
    shake,
    zero_arena,
)
from references import central_differences
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV

from skmlp import MLPClassifier, MLPRegressor
from skmlp._noise import Noise
from skmlp._params import InvalidParameterError
from skmlp.clipping import ClipNorm, ClipValue
from skmlp.layers import BatchNorm, Step
from skmlp.losses import LOSSES
from skmlp.network import Network
from skmlp.objective import Objective
from skmlp.optimizers import OPTIMIZERS, SGD, Pace
from skmlp.penalties import L1, L2, GroupL1, WeightDecay
from skmlp.schedules import Constant, Progress
from skmlp.solvers import (
    LBFGS,
    Average,
    Batches,
    Current,
    Freezing,
    Minibatch,
    Shown,
    TrainingSet,
    lbfgs,
)
from skmlp.workspace import Memory

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LAYERS = layers_by_label()
TARGETS = LOSS_CASES["squared_error"]["3_outputs"]

every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)
every_solver = pytest.mark.parametrize("solver", ["lbfgs", *OPTIMIZERS])
every_average = pytest.mark.parametrize(
    ("name", "average"),
    [*((name, False) for name in OPTIMIZERS), ("sgd", True), ("sgd", 0.7), ("adam", True)],
)

#: Nets of two hidden layers, with each kind of layer that has parameters or statistics.
KINDS = {
    "plain": {},
    "batch_norm": {"batch_norm": True},
    "batch_norm after": {"batch_norm": "after", "activation": "tanh"},
    "batch_norm of the input": {"batch_norm": "input"},
    "batch_norm of the input only": {"batch_norm": "input_only", "activation": "silu"},
    "layer_norm": {"layer_norm": True},
    "prelu": {"activation": "prelu", "batch_norm": True},
    "parametric": {"activation": "silu", "parametric_activation": True},
    "scaled features": {"feature_scaling": "standard", "activation": "gelu"},
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def data():
    return make_classification(60, 6, n_informative=4, n_classes=3, random_state=1)


def net(**parameters):
    """Return a small classifier that trains for three epochs."""
    small = {"hidden_layer_sizes": (5, 4), "max_iter": 3, "batch_size": 25, "random_state": 0}
    rate = {"learning_rate_init": 0.02, "warm_start": True}
    return MLPClassifier(**{**small, **rate, **parameters})


def arrays(model, layers):
    """Return the bytes of all parameters and statistics of some dense layers and their suite."""
    views, blocks = model._model.parameters(model._weights()), model._model.network.blocks
    own = (p for p, block in zip(views, blocks, strict=True) if block in layers)
    return [p[name].tobytes() for p in own for name in sorted(p)]


def weights(model):
    """Return all weights and biases."""
    return np.concatenate([array.ravel() for array in (*model.coefs_, *model.intercepts_)])


def check_held(model, X, y, frozen):
    """Fit further with frozen layers; their arrays are the same, and all others are not."""
    layers = {i % 3 for i in frozen}
    rest = {0, 1, 2} - layers
    held, free = arrays(model, layers), [arrays(model, {i}) for i in rest]
    model.set_params(frozen_layers=frozen).fit(X, y)
    assert arrays(model, layers) == held
    assert all(arrays(model, {i}) != before for i, before in zip(rest, free, strict=True))


# -- every bit -----------------------------------------------------------------------


@in_one_case(frozen=[[0], [1], [-1], [0, 1], [-3, -1]])
@every_kind
@every_solver
def test_frozen_layers_keep_every_bit(solver, kind, frozen, data):
    """After a fit that leaves slots and averages behind."""
    check_held(net(solver=solver, **KINDS[kind]).fit(*data), *data, frozen)


@in_one_case(frozen=[(0,), np.array([1]), [0, 2]])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "options",
    [
        {"weight_decay": 0.5},
        {"weight_decay": 0.5, "solver": "schedulefree"},
        {"solver": "adamw", "average": True},
        {"average": 0.8, "solver": "sgd", "momentum": 1.0},
        {"alpha": 5.0, "l1_ratio": 0.5},
        {"alpha": 5.0, "l1_ratio": 1.0, "solver": "rprop"},
        {"alpha": 5.0, "l1_ratio": 1.0, "solver": "schedulefree"},
        {"alpha": 5.0, "l1_ratio": 1.0, "solver": "lbfgs"},
        {"alpha": 5.0, "l1_ratio": 1.0, "average": 0.5},
        {"max_norm": 0.01},
        {"max_norm": 0.01, "solver": "schedulefree"},
        {"input_group_l1": 1.0},
        {"input_group_l1": 1.0, "max_norm": 0.1, "solver": "schedulefree"},
        {"max_grad_norm": 0.01, "max_grad_value": 0.001},
        {"learning_rate_factors": [2.0, 0.5, 1.0]},
        {"learning_rate_factors": [2.0, 0.5, 1.0], "weight_decay": 0.5, "alpha": 1.0},
        {"dropout": 0.5, "input_dropout": 0.2, "input_noise": 0.1},
        {"early_stopping": True, "average": True},
    ],
    ids=str,
)
def test_nothing_else_moves_them(options, dtype, frozen, data):
    earlier = {name: value for name, value in options.items() if name in ("solver", "average")}
    model = net(batch_norm=True, dtype=dtype, **earlier).fit(*data)
    check_held(model.set_params(**options), *data, frozen)


def test_zeros_keep_their_sign(data):
    """An average that starts from zero, or clears weights, would lose it."""
    for average in (True, 0.5):
        model = net(average=average).fit(*data)
        for array in (model.coefs_[0], model.intercepts_[0]):
            array[..., 0] = -0.0
        check_held(model, *data, [0])
        model = net(average=average, frozen_layers=[0], warm_start=True)
        check_held(model.set_params(alpha=1.0, l1_ratio=1.0).fit(*data), *data, [0])


def test_first_weights_are_held_without_any_training_before(data):
    start = net(frozen_layers=[0], max_iter=1, batch_norm=True).fit(*data)
    later = net(frozen_layers=[0], max_iter=4, batch_norm=True).fit(*data)
    assert arrays(start, {0}) == arrays(later, {0})
    assert arrays(start, {1}) != arrays(later, {1})


def test_regressor_and_sparse_rows(data):
    X, y = data
    for rows in (X, sp.csr_array(np.where(np.abs(X) > 0.5, X, 0))):
        model = MLPRegressor((5, 4), max_iter=2, warm_start=True, batch_norm="input").fit(rows, y)
        before = [coef.copy() for coef in model.coefs_]
        model.set_params(frozen_layers=[0, 2]).fit(rows, y)
        same = [np.array_equal(a, b) for a, b in zip(before, model.coefs_, strict=True)]
        assert same == [True, False, True]


# -- the rest trains as if it were the net -------------------------------------------


def draw(n_rows=23):
    """Return a training set."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n_rows, N_FEATURES))
    return TrainingSet(X, TARGETS.targets(rng, n_rows, 3), rng.uniform(1, 2, n_rows))


def descend(objective, data, optimizer, freezing, *, epochs=4, progress=None, **options):
    """Train some epochs, of three batches in order; return the losses."""
    monitor, size = Recorder(), data.n_rows if optimizer.full_batch else 8
    rate = options.pop("rate", Constant(0.05))
    solver = make_solver(optimizer, objective, rate, epochs, freezing=freezing, **options)
    solver.solve(objective, Batches(data, size, None), progress or Progress(), monitor)
    return monitor.losses


def for_good(*layers):
    """Return what freezes dense layers throughout."""
    return Freezing(dict.fromkeys(layers, math.inf))


LOWER = [LAYERS["batch_norm"], dense(5), LAYERS["batch_norm"], LAYERS["tanh"]]
UPPER = [dense(4), LAYERS["batch_norm"], LAYERS["prelu"], dense(3)]


def penalties():
    """Return penalties that know nothing of layers."""
    return [L2(0.3, 0.5), L1(0.3, 0.5), WeightDecay(0.2)]


def net_and_head():
    """Return a net with a training set, and its upper layers with what the others make of it."""
    full = make_objective([*LOWER, *UPPER], "squared_error", penalties=penalties())
    head = Network([case.make() for case in UPPER], 5)
    part = Objective(head, LOSSES["squared_error"](), penalties(), np.float64)
    for own, whole in zip(part.views, full.views[len(LOWER) :], strict=True):
        for name, view in own.items():
            view[...] = whole[name]
    data, network = draw(), full.network
    outs = [np.empty((data.n_rows, place.width)) for place in network.plan]
    network.forward(full.views, data.X, outs)
    return full, data, part, data._replace(X=outs[len(LOWER) - 1])


def same_head(full, part, tolerance):
    """Compare a net's upper layers with a net of them alone."""
    for own, whole in zip(part.views, full.views[-len(part.views) :], strict=True):
        for name, view in own.items():
            np.testing.assert_allclose(whole[name], view, rtol=tolerance, atol=tolerance)


@every_optimizer
def test_training_the_rest_is_training_on_what_the_frozen_layers_make(name):
    full, data, part, features = net_and_head()
    start = part.params.flat.copy()
    losses = descend(full, data, OPTIMIZERS[name](), for_good(0))
    expected = descend(part, features, OPTIMIZERS[name](), for_good())
    np.testing.assert_allclose(losses, expected, rtol=1e-12)
    same_head(full, part, 1e-12)
    assert np.abs(part.params.flat - start).max() > 0.01


@pytest.mark.parametrize("clip", [ClipNorm(0.1), ClipValue(0.01)])
def test_limits_of_the_gradient_count_what_is_trained(clip):
    full, data, part, features = net_and_head()
    descend(full, data, SGD(), for_good(0), clips=[clip])
    descend(part, features, SGD(), for_good(), clips=[clip])
    same_head(full, part, 1e-12)


@pytest.mark.parametrize("decay", [1.0, 0.9])
def test_averages_are_those_of_the_rest_alone(decay):
    full, data, part, features = net_and_head()
    averages = [Average(objective, decay) for objective in (full, part)]
    descend(full, data, SGD(), for_good(0), evaluated=averages[0])
    descend(part, features, SGD(), for_good(), evaluated=averages[1])
    same_head(*averages, 1e-12)
    for held, view in zip(full.views[:4], averages[0].views, strict=False):
        assert all(held[name].tobytes() == view[name].tobytes() for name in held)


def test_lbfgs_sees_the_rest_alone(monkeypatch):
    full, data, part, features = net_and_head()
    sizes, minimize = [], lbfgs.minimize

    def spy(fun, start, **options):
        sizes.append(len(start))
        return minimize(fun, start, **options)

    monkeypatch.setattr(lbfgs, "minimize", spy)
    full.freeze(frozenset({0}))
    outcomes = []
    for objective, rows in ((full, data), (part, features)):
        batches = Batches(rows, rows.n_rows, None)
        solver = LBFGS(Current(objective), max_iter=6)
        outcomes.append(solver.solve(objective, batches, Progress(), Recorder()))
    assert sizes == [part.params.flat.size + part.params.n_penalised] * 2
    assert outcomes[0].loss == pytest.approx(outcomes[1].loss, rel=1e-9)
    same_head(full, part, 1e-7)


@pytest.mark.parametrize("frozen", [{1}, {2}, {0, 2}])
def test_layers_below_frozen_ones_train_as_at_a_rate_of_zero(frozen):
    chain = [dense(5), LAYERS["tanh"], dense(4), LAYERS["layer_norm"], LAYERS["silu"], dense(3)]
    held, still = (make_objective(chain, "squared_error", penalties=[L2(0.3)]) for _ in range(2))
    blocks = still.network.blocks
    paces = [Pace(p, float(blocks[i] not in frozen)) for i, p in still.network.layout.parts()]
    slow = SGD()
    params = still.params
    slow.bind(params.flat, still.grads.flat, still.scratch, paces, params.n_penalised)
    solver = Minibatch(slow, Current(still), Constant(0.05), 4)
    solver.solve(still, Batches(draw(), 8, None), Progress(), Recorder())
    descend(held, draw(), SGD(), for_good(*frozen))
    np.testing.assert_allclose(held.params.flat, still.params.flat, rtol=1e-12)


def test_penalties_of_frozen_weights_do_not_count():
    chain, data = [dense(5), LAYERS["tanh"], dense(4), dense(3)], draw()
    kinds = {"smooth": [L2(0.3)], "absolute": [L1(0.3, 1.0)], "groups": [GroupL1(0.2)]}
    for name, frozen in itertools.product(kinds, [{0}, {1}, {0, 2}]):
        objective = make_objective(chain, "squared_error", penalties=kinds[name])
        batch = Batches(data, data.n_rows, None).whole()
        rows = objective.workspace(data.n_rows).rows(data.n_rows)
        objective.freeze(frozenset(frozen))
        loss = objective.loss_gradient(*batch[:3], rows)
        weights = [p["weight"] for p in objective.views if "weight" in p]
        free = [w for i, w in enumerate(weights) if i not in frozen]
        value = {
            "smooth": 0.15 * sum((w**2).sum() for w in free),
            "absolute": 0.3 * sum(np.abs(w).sum() for w in free),
            "groups": 0.2
            * 5**0.5
            * np.sqrt((weights[0] ** 2).sum(axis=1)).sum()
            * (0 not in frozen),
        }
        assert objective(*batch, rows) == pytest.approx(loss + value[name] / batch.total, rel=1e-13)


# -- gradients -----------------------------------------------------------------------


@pytest.mark.parametrize("frozen", [{0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}])
def test_frozen_gradients_are_not_computed_and_all_others_are_the_same(frozen):
    chain = [
        dense(5), LAYERS["layer_norm"], LAYERS["parametric"], LAYERS["dropout"],
        dense(4), LAYERS["prelu"], LAYERS["layer_norm"], dense(3), LAYERS["bound"],
    ]  # fmt: skip
    problem = make_problem(chain, "squared_error", TARGETS, weights="weighted")
    objective, expected = problem.objective, problem.gradient()
    objective.freeze(frozenset(frozen))
    found = problem.gradient()
    for i, part in objective.network.layout.parts():
        if objective.network.blocks[i] in frozen:
            assert np.isnan(found[part]).all()
        else:
            assert found[part].tobytes() == expected[part].tobytes()


def test_gradient_of_what_is_frozen_later_is_zero():
    problem = make_problem([dense(5), dense(3)], "squared_error", TARGETS)
    assert problem.gradient().all()
    problem.objective.freeze(frozenset({1}))
    problem.value()
    zero = [set(p.ravel() == 0) for views in problem.objective.grads.views for p in views.values()]
    assert zero == [{False}, {False}, {True}, {True}]


@pytest.mark.parametrize("first", ["dense", "batch_norm"])
@in_one_case(frozen=[{0}, {1}, {0, 1}, {0, 2}])
def test_gradient_with_frozen_batch_norm_is_that_of_central_differences(frozen, first):
    hidden = [dense(4), LAYERS["batch_norm"], LAYERS["tanh"]]
    chain = [LAYERS[first], *hidden, *hidden, dense(3)][first == "dense" :]
    problem = make_problem(chain, "squared_error", TARGETS, weights="weighted", penalties=[L2(0.3)])
    objective = problem.objective
    objective.freeze(frozenset(frozen))
    gradient = problem.gradient()
    expected = central_differences(problem.value, objective.params.flat)
    for part in objective.moving[0]:
        np.testing.assert_allclose(gradient[part], expected[part], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("label", sorted(LAYERS.keys() - {"batch_norm"}))
def test_frozen_layers_hand_on_what_others_do(label):
    results = []
    for frozen in (False, True):
        rng, layer = np.random.RandomState(0), LAYERS[label].make()
        width = layer.build(N_FEATURES)
        (p,) = zero_arena([layer])
        layer.initialize(p, rng)
        shake([p], rng)
        s = {name: Memory(6, buffer, float).rows(6) for name, buffer in layer.buffers().items()}
        x, dout = rng.normal(size=(6, N_FEATURES)), rng.normal(size=(6, width))
        out, dx = np.full((6, width), np.nan), np.full((6, N_FEATURES), np.nan)
        step = Step(None, Noise())
        if frozen:
            y = layer.train_frozen(x, out, p, s, step).copy()
            layer.backward_frozen(x, out, dout, dx, p, s)
        else:
            y = layer.train(x, out, p, s, step).copy()
            dp = {name: np.empty_like(view) for name, view in p.items()}
            layer.backward(x, out, dout, dx, p, dp, s)
        results.append((y.tobytes(), dx.tobytes()))
    assert results[0] == results[1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_frozen_batch_norm_is_that_of_prediction(dtype):
    rng, layer = np.random.RandomState(0), BatchNorm()
    layer.build(N_FEATURES)
    (p,) = zero_arena([layer], dtype)
    layer.initialize(p, rng)
    shake([p], rng)
    p["count"][:] = 7
    kept = {name: view.copy() for name, view in p.items()}
    s = {name: Memory(6, buffer, dtype).rows(6) for name, buffer in layer.buffers().items()}
    for row in range(3):
        x, out, dx = rng.normal(size=(6, N_FEATURES)).astype(dtype), *np.empty((2, 6, 3), dtype)
        predicted = layer.forward(x, np.empty_like(x), p)
        weight = np.eye(6, dtype=dtype)[row]  # one row has it all
        y = layer.train_frozen(x, out, p, s, Step(weight, Noise()))
        assert y.tobytes() == predicted.tobytes()
        layer.backward_frozen(x, out, np.ones_like(x), dx, p, s)
        slope = p["gamma"] / np.sqrt(p["variance"] + layer.epsilon)
        np.testing.assert_allclose(dx, np.tile(slope, (6, 1)), rtol=1e-6)
    assert all(kept[name].tobytes() == p[name].tobytes() for name in p)


def test_frozen_layers_drop_units_all_the_same(data):
    dropped, kept = (net(frozen_layers=[0, 1], dropout=rate).fit(*data) for rate in (0.5, 0.0))
    assert arrays(dropped, {0, 1}) == arrays(kept, {0, 1})
    assert arrays(dropped, {2}) != arrays(kept, {2})


# -- thawing -------------------------------------------------------------------------


def test_schedule_counts_the_epochs_of_the_plan():
    freezing = Freezing({0: 3, 1: 1, 2: 0})
    found = [freezing(Progress(epoch=12 + i, origin=12)) for i in range(4)]
    assert found == [{0, 1}, {0}, {0}, frozenset()]


@every_optimizer
def test_layers_thaw_after_their_epochs(name, data):
    model = net(solver=name, batch_norm=True, frozen_layers={0: 3, 1: 1})
    model.partial_fit(*data, classes=np.unique(data[1]))
    for epoch in range(1, 5):
        before = [arrays(model, {i}) for i in range(3)]
        model.partial_fit(*data)
        same = [arrays(model, {i}) == held for i, held in enumerate(before)]
        assert same == [epoch < 3, False, False]


@every_average
def test_one_fit_is_its_epochs_one_by_one(name, average, data):
    """Through partial fits, with a pickle after each."""
    plan = {"solver": name, "average": average, "frozen_layers": {0: 3, -2: 1}, "shuffle": False}
    options = {**plan, "batch_norm": True, "dropout": 0.2, "tol": 0.0, "weight_decay": 0.1}
    whole = net(max_iter=5, **options).fit(*data)
    model = net(max_iter=5, **options)
    for _ in range(5):
        model.partial_fit(*data, classes=np.unique(data[1]))
        model = pickle.loads(pickle.dumps(model))
    assert arrays(model, {0, 1, 2}) == arrays(whole, {0, 1, 2})


@every_average
def test_warm_starts_of_one_epoch_are_one_fit(name, average, data):
    options = {"solver": name, "average": average, "frozen_layers": [1], "batch_norm": True}
    whole, model = (net(max_iter=n, **options) for n in (4, 1))
    whole.fit(*data)
    for _ in range(4):
        model = pickle.loads(pickle.dumps(model.fit(*data)))
    assert arrays(model, {0, 1, 2}) == arrays(whole, {0, 1, 2})


@every_optimizer
def test_optimizer_starts_afresh_when_a_layer_thaws(name):
    chain, data = [dense(5), LAYERS["batch_norm"], LAYERS["tanh"], dense(3)], draw()
    once, twice = (make_objective(chain, "squared_error", penalties=penalties()) for _ in range(2))
    descend(once, data, OPTIMIZERS[name](), Freezing({0: 2}), epochs=5)
    first = OPTIMIZERS[name]()
    descend(twice, data, first, for_good(0), epochs=2)
    first.evaluation(twice.params.flat)
    descend(twice, data, OPTIMIZERS[name](), for_good(), epochs=3)
    assert once.params.flat.tobytes() == twice.params.flat.tobytes()
    assert once.statistics.flat.tobytes() == twice.statistics.flat.tobytes()


@every_optimizer
def test_state_of_other_frozen_layers_is_not_gone_on_with(name, data):
    model = net(solver=name).fit(*data)
    per_fit = model._resume["optimizer"]["steps"]
    assert model.fit(*data)._resume["optimizer"]["steps"] == 2 * per_fit
    model.set_params(frozen_layers=[0]).fit(*data)
    assert model._resume["optimizer"]["steps"] == per_fit
    assert model.fit(*data)._resume["optimizer"]["steps"] == 2 * per_fit
    model.set_params(frozen_layers=()).fit(*data)
    assert model._resume["optimizer"]["steps"] == per_fit


@pytest.mark.parametrize("kind", [Average, Shown])
def test_what_prediction_uses_is_what_is_frozen(kind, data):
    """Not the weights in training, which go with other averages."""
    options = {Average: {"average": True}, Shown: {"solver": "schedulefree"}}[kind]
    model = net(**options, batch_norm=True).fit(*data)
    trained, flat = model._resume["evaluated"]["params"], weights(model)
    assert not np.isin(trained, flat).any()
    check_held(model, *data, [0])
    check_held(model, *data, [0])
    assert model._resume["shown"] == kind.__name__
    assert np.isin(model.coefs_[0], model._resume["evaluated"]["params"]).all()


# -- what is refused, and what scikit-learn does with it -----------------------------


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([3], r"has index 3, but there are 3 layer\(s\) of weights"),
        ([-4], "has index -4"),
        ({3: 1}, "has index 3"),
        ([0, 0], "names layer 0 twice"),
        ([0, -3], "names layer 0 twice"),
        ({1: 2, -2: 3}, "names layer 1 twice"),
        ([0, 1, 2], "leaves no layer of weights to learn"),
        ((-1, -2, -3), "leaves no layer"),
        ({0: 1, 1: 5, 2: 1}, "leaves no layer"),
    ],
)
def test_bad_layers_are_refused_by_name(kind, value, message, data):
    for solver in ("adam", "lbfgs"):
        model = kind((5, 4), frozen_layers=value, solver=solver)
        with pytest.raises(InvalidParameterError, match=f"The 'frozen_layers' parameter {message}"):
            model.fit(*data)
        assert not hasattr(model, "coefs_")


def test_lbfgs_thaws_nothing(data):
    message = "The 'frozen_layers' parameter needs a first-order solver .* solver='lbfgs'"
    with pytest.raises(InvalidParameterError, match=message):
        net(solver="lbfgs", frozen_layers={0: 2}).fit(*data)
    for nothing in ({}, (), []):
        net(solver="lbfgs", frozen_layers=nothing).fit(*data)


@pytest.mark.parametrize("nothing", [(), [], {}, {0: 0, 1: 0, 2: 0}, np.array([], int)], ids=str)
def test_no_frozen_layer_changes_no_bit(nothing, data):
    plain, asked = net(batch_norm=True), net(batch_norm=True, frozen_layers=nothing)
    assert arrays(plain.fit(*data), {0, 1, 2}) == arrays(asked.fit(*data), {0, 1, 2})


def test_a_grid_search_keeps_the_parameter(data):
    values = [(), [0], {0: 1}, {0: 1, 1: 2}]
    for value in values:
        assert clone(net(frozen_layers=value)).frozen_layers == value
    search = GridSearchCV(net(), {"frozen_layers": values}, cv=2).fit(*data)
    assert search.best_params_["frozen_layers"] in values
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
