"""Averages of the weights: their formula, where they are used, and how a training goes on."""

import itertools
import pickle

import numpy as np
import pytest
from cases import DTYPES, Recorder, dense, layers_by_label, make_objective, make_solver
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from trust import estimator, first_partial_fit, outputs, problem, same

from skmlp._params import InvalidParameterError
from skmlp.estimators.training.validation import HeldOut
from skmlp.inference import raw_scores
from skmlp.optimizers import OPTIMIZERS, SGD
from skmlp.penalties import L1
from skmlp.schedules import Constant, Progress
from skmlp.solvers import Average, Batches, Current, TrainingSet

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LAYERS = layers_by_label()
CHOICES = [True, 0.5, 0.9, 0.999]
X, Y = problem("multiclass")

every_choice = pytest.mark.parametrize("average", CHOICES)


def textbook(steps, decay):
    """Return the average after each step: w̄ ← w̄ + max(1 - d, 1/t) (w - w̄)."""
    average, found = np.zeros_like(steps[0], float), []
    for t, now in enumerate(steps, 1):
        average = average + max(1 - decay, 1 / t) * (now - average)
        found.append(average)
    return found


# -- the formula ---------------------------------------------------------------------


class Spied(Average):
    """An average that keeps what it has seen, statistics too."""

    def __init__(self, objective, decay):
        super().__init__(objective, decay)
        self.seen = []

    def after_step(self):
        super().after_step()
        self.seen.append([source.flat.copy() for source in self._sources])


def train(decay, dtype=np.float64, penalties=(), epochs=5, rate=0.05):
    """Return the average after some epochs of three batches each."""
    rng = np.random.RandomState(0)
    data = TrainingSet(rng.normal(size=(20, 3)).astype(dtype), rng.normal(size=(20, 2)), None)
    data = data._replace(y=data.y.astype(dtype))
    chain = [dense(4), LAYERS["batch_norm"], LAYERS["tanh"], dense(2)]
    objective = make_objective(chain, "squared_error", dtype=dtype, penalties=penalties)
    average = Spied(objective, decay)
    solver = make_solver(SGD(), objective, Constant(rate), epochs, evaluated=average)
    solver.solve(objective, Batches(data, 7, rng), Progress(), Recorder())
    return average, objective


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("decay", [1.0, 0.0, 0.5, 0.9, 0.99])
def test_average_is_that_of_the_textbook(decay, dtype):
    average, _ = train(decay, dtype)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    assert len(average.seen) == 15
    for arena, steps in zip(average.arenas, zip(*average.seen, strict=True), strict=True):
        assert arena.flat.dtype == dtype
        expected = textbook([step.astype(float) for step in steps], decay)[-1]
        np.testing.assert_allclose(arena.flat, expected, rtol=tolerance, atol=tolerance)


def test_the_average_of_all_steps_is_their_mean():
    average, _ = train(1.0)
    for arena, steps in zip(average.arenas, zip(*average.seen, strict=True), strict=True):
        np.testing.assert_allclose(arena.flat, np.mean(steps, axis=0), rtol=1e-12, atol=1e-14)


def test_without_decay_the_average_is_the_last_step():
    average, objective = train(0.0)
    np.testing.assert_allclose(average.arenas[0].flat, objective.params.flat, rtol=1e-13)


def test_the_training_does_not_notice():
    """Average and parameters are apart."""
    _, objective = train(0.9)
    assert objective.params.flat.tobytes() == train(1.0)[1].params.flat.tobytes()


def test_views_are_those_of_the_average():
    average, objective = train(0.9)
    for mine, theirs in zip(average.views, objective.views, strict=True):
        assert mine.keys() == theirs.keys()
        for name in mine:
            assert not np.shares_memory(mine[name], theirs[name])
            assert any(np.shares_memory(mine[name], arena.flat) for arena in average.arenas)


def test_without_a_step_the_average_is_the_start():
    objective = make_objective([dense(4), LAYERS["batch_norm"], dense(2)], "squared_error")
    average = Average(objective, 0.9)
    average.refresh()
    for arena, source in zip(average.arenas, (objective.params, objective.statistics), strict=True):
        assert arena.flat.tobytes() == source.flat.tobytes()


def test_zeros_of_a_penalty_are_zeros_of_the_average():
    average, objective = train(0.9, penalties=[L1(0.5, 1.0)], epochs=20)
    head = slice(0, objective.params.n_penalised)
    zero = objective.params.flat[head] == 0
    assert 3 < zero.sum() < zero.size
    assert (average.arenas[0].flat[head][zero] == 0).all()
    biases = slice(objective.params.n_penalised, None)
    assert (average.arenas[0].flat[biases] != 0).all()


def test_current_is_the_objectives_own():
    objective = make_objective([dense(2)], "squared_error")
    current = Current(objective)
    current.refresh()
    assert current.arenas == (objective.params, objective.statistics)
    assert current.state() == {}


# -- estimators ----------------------------------------------------------------------

PARAMS = {"max_iter": 4, "batch_size": 25, "learning_rate_init": 0.05}
PARTS = {
    "plain": {},
    "dropout": {"dropout": 0.3, "input_dropout": 0.1, "input_noise": 0.1},
    "batch_norm": {"batch_norm": "input"},
    "all": {"batch_norm": True, "dropout": 0.3, "max_norm": 1.0, "max_grad_norm": 0.5},
}


def make(task="multiclass", **params):
    """Return an unfitted estimator."""
    return estimator(task, **{**PARAMS, **params})


def learnt(est):
    """Return all numbers that an estimator has learnt, and what it predicts."""
    return [est.coefs_, est.intercepts_, est.layer_params_, outputs(est, X)]


def recorded(monkeypatch):
    """Return a list to which each step adds copies of the parameters and the statistics."""
    steps, after_step = [], Average.after_step

    def spy(self):
        after_step(self)
        steps.append(
            [{name: v.copy() for name, v in merged.items()} for merged in training_views(self)]
        )

    monkeypatch.setattr(Average, "after_step", spy)
    return steps


def training_views(average):
    """Return the named arrays in training, layer by layer."""
    layouts = [average._sources[i] for i in range(2)]
    return [a | b for a, b in zip(*(arena.views for arena in layouts), strict=True)]


def averaged(steps, average):
    """Return the average of each array of the recorded steps."""
    decay = 1.0 if average is True else average
    return [
        {name: textbook([step[i][name] for step in steps], decay)[-1] for name in views}
        for i, views in enumerate(steps[0])
    ]


def assert_shows(est, expected):
    """Compare what an estimator shows with named arrays, layer by layer."""
    dense_ones = [views for views in expected if "weight" in views]
    others = [views for views in expected if views and "weight" not in views]
    for i, views in enumerate(dense_ones):
        np.testing.assert_allclose(est.coefs_[i], views["weight"], rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(est.intercepts_[i], views["bias"], rtol=1e-10, atol=1e-13)
    for shown, views in zip(est.layer_params_, others, strict=True):
        for name, array in views.items():
            np.testing.assert_allclose(shown[name], array, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("solver", [n for n, kind in OPTIMIZERS.items() if not kind.averages])
@every_choice
def test_estimators_show_the_average_of_all_steps(average, solver, monkeypatch):
    steps = recorded(monkeypatch)
    est = make(average=average, solver=solver, batch_norm="input").fit(X, Y)
    assert len(steps) == 4 * (1 if OPTIMIZERS[solver].full_batch else 3)
    assert_shows(est, averaged(steps, average))


@every_choice
def test_prediction_is_that_of_the_average(average):
    est = make(average=average, batch_norm=True).fit(X, Y)
    views = est._model.parameters(est._weights())
    expected = raw_scores(est._model.network, views, X, np.float64)
    assert same(est.decision_function(X), expected)
    plain = make(batch_norm=True).fit(X, Y)
    assert not np.allclose(est.decision_function(X), plain.decision_function(X), atol=1e-6)


@every_choice
def test_validation_scores_are_those_of_the_average(average, monkeypatch):
    steps, scored, evaluate = recorded(monkeypatch), [], HeldOut.evaluate

    def spy(self):
        scored.append([{n: v.copy() for n, v in views.items()} for views in self._params])
        return evaluate(self)

    monkeypatch.setattr(HeldOut, "evaluate", spy)
    est = make(average=average, early_stopping=True, validation_fraction=0.4, batch_norm=True)
    est.fit(X, Y)
    each_epoch = len(steps) // len(scored)
    for epoch, views in enumerate(scored, 1):
        expected = averaged(steps[: epoch * each_epoch], average)
        for found, wanted in zip(views, expected, strict=True):
            for name in found:
                np.testing.assert_allclose(found[name], wanted[name], rtol=1e-10, atol=1e-13)
    best = int(np.argmax(est.validation_scores_))
    assert_shows(est, averaged(steps[: (best + 1) * each_epoch], average))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("solver", "average"),
    [*itertools.product(["sgd", "adam"], [False, *CHOICES]), ("schedulefree", False)],
)
def test_warm_starts_of_one_epoch_are_one_fit(average, solver, part):
    params = {"average": average, "solver": solver, **PARTS[part]}
    whole = make(**params).fit(X, Y)
    parts = make(warm_start=True, **{**params, "max_iter": 1})
    for _ in range(whole.max_iter):
        parts = pickle.loads(pickle.dumps(parts.fit(X, Y)))
    assert same(learnt(parts), learnt(whole))


@pytest.mark.parametrize("average", [False, True, 0.9])
@pytest.mark.parametrize("solver", ["sgd", "adagrad"])
def test_warm_starts_with_exact_zeros_are_one_fit(average, solver):
    params = {"average": average, "solver": solver, "alpha": 3.0, "l1_ratio": 0.9}
    whole = make(**{**params, "max_iter": 8}).fit(X, Y)
    assert (whole.coefs_[0] == 0).any()
    parts = make(warm_start=True, **{**params, "max_iter": 2})
    for _ in range(4):
        parts.fit(X, Y)
    assert same(learnt(parts), learnt(whole))


@pytest.mark.parametrize("part", PARTS)
@every_choice
def test_partial_fit_goes_on_after_pickling(average, part):
    straight, pickled = (make(average=average, **PARTS[part]) for _ in range(2))
    for _ in range(3):
        first_partial_fit(straight, X, Y)
        pickled = pickle.loads(pickle.dumps(first_partial_fit(pickled, X, Y)))
    assert same(learnt(pickled), learnt(straight))


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations([False, True, 0.9], 2)))
def test_the_choice_may_change_between_calls(first, second):
    est = make(average=first, warm_start=True, batch_norm=True).fit(X, Y)
    loss = est.loss_
    est.set_params(average=second, max_iter=30).fit(X, Y)
    first_partial_fit(est, X, Y)
    assert all(np.isfinite(weight).all() for weight in est.coefs_)
    assert est.loss_curve_[-1] < loss


@pytest.mark.parametrize("average", [0.9, True])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_exact_zeros_of_the_training_are_shown(average, early_stopping, monkeypatch):
    steps = recorded(monkeypatch)
    est = make(
        average=average,
        alpha=6.0,
        l1_ratio=1.0,
        solver="adagrad",
        early_stopping=early_stopping,
        max_iter=15,
    ).fit(X, Y)
    best = len(steps)
    if early_stopping:
        epochs = len(est.validation_scores_)
        best = (1 + int(np.argmax(est.validation_scores_))) * len(steps) // epochs
    last = [views["weight"] for views in steps[best - 1] if "weight" in views]
    assert sum((weight == 0).sum() for weight in last) > 3
    for shown, weight in zip(est.coefs_, last, strict=True):
        assert (shown[weight == 0] == 0).all()


@pytest.mark.parametrize("value", [0.0, 1.0, 2, -0.5, None, "yes", [0.9]], ids=repr)
def test_bad_averages_are_refused_by_name(value):
    """Zero and one are no decays; True and False are choices."""
    with pytest.raises(InvalidParameterError, match="average"):
        make(average=value).fit(X, Y)


@pytest.mark.parametrize("solver", ["lbfgs", "schedulefree"])
def test_solvers_without_an_average_refuse_one(solver):
    with pytest.raises(InvalidParameterError, match="average"):
        make(average=0.9, solver=solver).fit(X, Y)


@every_choice
@pytest.mark.parametrize("scaling", ["standard", "maxabs"])
def test_more_statistics_than_parameters_are_averaged(scaling, average):
    """A linear model of scaled features has two of them for each weight."""
    scaled = make(hidden_layer_sizes=(), feature_scaling=scaling, average=average).fit(X, Y)
    features = {"standard": StandardScaler, "maxabs": MaxAbsScaler}[scaling]().fit_transform(X)
    plain = make(hidden_layer_sizes=(), average=average).fit(features, Y)
    np.testing.assert_allclose(scaled.coefs_[0], plain.coefs_[0], rtol=1e-9, atol=1e-12)


def test_an_average_of_noisy_steps_is_better_than_the_last_one():
    """The least squares solution is known; constant rates dance around it."""
    rng = np.random.RandomState(0)
    X, truth = rng.normal(size=(400, 5)), np.arange(1.0, 6.0)
    y = X @ truth + rng.normal(scale=3.0, size=400)
    best = np.linalg.lstsq(np.c_[X, np.ones(400)], y, rcond=None)[0]
    params = {
        "hidden_layer_sizes": (),
        "solver": "sgd",
        "momentum": 0.0,
        "alpha": 0.0,
        "max_iter": 200,
        "learning_rate_init": 0.1,
        "batch_size": 10,
        "n_iter_no_change": 10**6,
    }
    away = []
    for average in (False, 0.999):
        est = make("regression", average=average, **params).fit(X, y)
        found = np.r_[est.coefs_[0][:, 0], est.intercepts_[0]]
        away.append(np.linalg.norm(found - best))
    assert away[1] < away[0] / 3
