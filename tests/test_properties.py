"""Laws that hold for any network, whatever its parts, on data of any shape.

Hypothesis draws the networks; the draws are the same on every run.
"""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from trust import outputs, same

from skmlp import MLPClassifier, MLPRegressor
from skmlp.activations import ACTIVATIONS

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size`:UserWarning"),
]

#: Few draws, the same ones every time, however slow the machine.
FEW = settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

#: With jumps there are no derivatives.
CONTINUOUS = sorted(ACTIVATIONS.keys() - {"hard_shrink"})

#: Batch norm moves a unit that is the same for all rows to zero, but for rounding: there the
#: slope has to be the same on both sides. Layer norm makes signs of one or two units, and those
#: of rounding errors are anything.
KINKED = {"relu", "leaky_relu", "relu6", "selu", "hard_sigmoid", "hard_tanh", "hard_swish"}
SMOOTH = [name for name in CONTINUOUS if name not in KINKED | {"soft_shrink"}]

CLASS_LOSSES = ("log_loss", "focal", "squared_hinge")
#: With the losses that a scaled target goes with first.
NUMBER_LOSSES = (
    "squared_error",
    "absolute_error",
    "huber",
    "log_cosh",
    "gaussian",
    "quantile",
    "poisson",
    "gamma",
    "tweedie",
)
SCALINGS = (None, "standard", "robust", "maxabs", "smooth_clip")

seeds = st.integers(0, 10_000)


# -- networks ------------------------------------------------------------------------------


@st.composite
def networks(draw, **fixed):
    """Return parameters of a network without noise."""
    batch_norm = draw(st.sampled_from([False, False, True, "after", "input"]))
    layer_norm = not batch_norm and draw(st.booleans())
    hidden = draw(st.lists(st.integers(3 if layer_norm else 1, 6), max_size=3))
    one = st.sampled_from(SMOOTH if batch_norm else CONTINUOUS)
    several = st.lists(one, min_size=len(hidden), max_size=len(hidden))
    drawn = {
        "hidden_layer_sizes": hidden,
        "activation": draw(several if hidden else one),
        "alpha": draw(st.sampled_from([0.0, 1e-4, 0.5])),
        "batch_norm": batch_norm,
        "batch_norm_epsilon": 0.1,
        "layer_norm": layer_norm,
        "parametric_activation": draw(st.booleans()),
        "feature_scaling": draw(st.sampled_from(SCALINGS)),
        "random_state": draw(seeds),
    }
    return {**drawn, **fixed}


@st.composite
def classifiers(draw, **fixed):
    """Return a classifier."""
    loss = draw(st.sampled_from(CLASS_LOSSES))
    params = {"loss": loss, "class_weight": draw(st.sampled_from([None, "balanced"]))}
    if loss == "log_loss":
        params["label_smoothing"] = draw(st.sampled_from([0.0, 0.2]))
    return MLPClassifier(**draw(networks(**{**params, **fixed})))


@st.composite
def regressors(draw, losses=NUMBER_LOSSES, **fixed):
    """Return a regressor."""
    loss = draw(st.sampled_from(losses))
    params = {"loss": loss}
    if loss in ("squared_error", "absolute_error", "huber", "log_cosh"):
        params["target_scaling"] = draw(st.sampled_from([None, "standard", "maxabs"]))
    return MLPRegressor(**draw(networks(**{**params, **fixed})))


def estimators(**fixed):
    """Return an estimator of either kind."""
    return st.one_of(classifiers(**fixed), regressors(**fixed))


# -- data ----------------------------------------------------------------------------------


class Data:
    """Rows, targets that suit an estimator, and weights."""

    def __init__(self, est, n, n_features, n_outputs, seed, *, sparse=False, several=False):
        self.rng = np.random.RandomState(seed)
        self.X = self.rng.standard_normal((n, n_features))
        score = self.X @ self.rng.standard_normal((n_features, n_outputs + 1))
        score += 0.3 * self.rng.standard_normal(score.shape)
        if not isinstance(est, MLPClassifier):
            self.y = self._numbers(score)
        else:
            several = several and est.class_weight is None
            self.y = (score > 0).astype(int) if several else self._classes(score)
        self.weight = self.rng.uniform(0.2, 3.0, n)
        if sparse:
            self.X = sp.csr_array(np.where(self.X > 0, self.X, 0.0))

    @staticmethod
    def _classes(score):
        y = score.argmax(axis=1)
        y[: score.shape[1]] = np.arange(score.shape[1])  # each class has a row
        return y

    @staticmethod
    def _numbers(score):
        numbers = np.exp(0.3 * score[:, 1:])  # positive, for all losses
        return numbers[:, 0] if numbers.shape[1] == 1 else numbers


@st.composite
def with_data(draw, estimator, **fixed):
    """Return an estimator and data."""
    est = draw(estimator)
    shape = {"n": st.integers(8, 30), "n_features": st.integers(1, 5)}
    shape |= {"n_outputs": st.integers(1, 3), "seed": seeds}
    shape |= {"sparse": st.booleans(), "several": st.booleans()}
    drawn = {name: draw(strategy) for name, strategy in shape.items() if name not in fixed}
    return est, Data(est, **drawn, **fixed)


#: Whole batches, in their order.
WHOLE = {"batch_size": 1_000, "shuffle": False}

#: Plain gradient descent, a step at a time: a step of one is the gradient.
STEPS = {**WHOLE, "solver": "sgd", "momentum": 0.0, "warm_start": True, "max_iter": 1}


#: What layers have measured rather than learnt.
MEASURED = {"mean", "variance", "count", "centre", "scale"}


def arrays_of(est):
    """Return all that gradients belong to, in one list."""
    layers = [layer[name] for layer in est.layer_params_ for name in layer.keys() - MEASURED]
    return [*est.coefs_, *est.intercepts_, *layers]


def value_at(est, arrays, data):
    """Return the objective of a fitted estimator at some parameters."""
    aside = copy.deepcopy(est).set_params(learning_rate_init=1e-300)
    for mine, given_ in zip(arrays_of(aside), arrays, strict=True):
        mine[...] = given_
    return aside.fit(data.X, data.y, data.weight).loss_


# -- gradients -----------------------------------------------------------------------------


@FEW
@given(with_data(estimators(**STEPS), sparse=False))
def test_gradient_is_that_of_the_whole_objective(drawn):
    est, data = drawn
    est.set_params(learning_rate_init=1e-3).fit(data.X, data.y, data.weight)
    before = copy.deepcopy(arrays_of(est))
    after = arrays_of(copy.deepcopy(est).set_params(learning_rate_init=1.0).fit(*data_of(data)))
    gradient = [a - b for a, b in zip(before, after, strict=True)]
    for _ in range(3):
        direction = [data.rng.standard_normal(array.shape) for array in before]
        values = [
            value_at(est, [a + h * d for a, d in zip(before, direction, strict=True)], data)
            for h in (1e-5, -1e-5)
        ]
        slope = sum((g * d).sum() for g, d in zip(gradient, direction, strict=True))
        assert slope == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-4, abs=1e-6)


def data_of(data):
    """Return the arguments of a weighted fit."""
    return data.X, data.y, data.weight


# -- weights -------------------------------------------------------------------------------


def assert_same_model(a, b, X):
    """Check that two estimators predict the same, but for rounding."""
    expected, found = outputs(a, X), outputs(b, X)
    for name in expected.keys() - {"predict"} or {"predict"}:
        size = np.abs(expected[name]).max()
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6, atol=1e-7 * size)


TRAINED = st.sampled_from(
    [
        {**WHOLE, "solver": "sgd", "learning_rate_init": 1e-3, "max_iter": 5},
        {**WHOLE, "solver": "adam", "max_iter": 5},
        {**WHOLE, "solver": "lbfgs", "max_iter": 3},
    ]
)


@FEW
@given(with_data(estimators()), TRAINED)
def test_row_of_weight_zero_is_a_row_left_out(drawn, training):
    est, data = drawn
    est.set_params(**training)
    data.weight[-3:] = 0.0
    data.y[-3:] = data.y[0]  # no class is in these rows alone
    weighted = clone(est).fit(*data_of(data))
    dropped = clone(est).fit(data.X[:-3], data.y[:-3], data.weight[:-3])
    assert_same_model(dropped, weighted, data.X)


@FEW
@given(with_data(estimators()), TRAINED)
def test_row_of_weight_two_is_a_row_twice(drawn, training):
    est, data = drawn
    est.set_params(**training)
    weight = data.rng.randint(1, 4, len(data.y))
    rows = np.repeat(np.arange(len(data.y)), weight)
    weighted = clone(est).fit(data.X, data.y, weight)
    repeated = clone(est).fit(data.X[rows], data.y[rows])
    assert_same_model(repeated, weighted, data.X)


@FEW
@given(with_data(estimators()), TRAINED, st.integers(-40, 40))
def test_unit_of_the_weights_does_not_matter_without_a_penalty(drawn, training, power):
    est, data = drawn
    est.set_params(**training, alpha=0.0)
    if est.feature_scaling in ("robust", "smooth_clip"):  # quantiles lie between the rows
        est.set_params(feature_scaling=None)
    scaled = clone(est).fit(data.X, data.y, 2.0**power * data.weight)
    assert_same_model(est.fit(*data_of(data)), scaled, data.X)


# -- order ---------------------------------------------------------------------------------


def permuted(weights, features=None, columns=None):
    """Return weights with the features, or the outputs, in another order."""
    weights = copy.deepcopy(weights)
    if features is not None:
        weights["coefs"][0] = weights["coefs"][0][features]
        for part in parts_of_features(weights):
            part |= {k: v[..., features] for k, v in part.items() if np.size(v) > 1}
    if columns is not None:
        weights["coefs"][-1] = weights["coefs"][-1][:, columns]
        weights["intercepts"][-1] = weights["intercepts"][-1][columns]
    return weights


def parts_of_features(weights):
    """Return what the layers before the first weights, and the scaling, know of features."""
    architecture = weights["architecture"]
    scaled = architecture["feature_scaling"] is not None
    n_layers = scaled + (architecture["batch_norm"] == "input")
    return weights["layer_params"][:n_layers] + [weights["feature_statistics"]] * scaled


def gone_on(est, data, X, y, **order):
    """Return an estimator trained further, from permuted weights on permuted data."""
    other = copy.deepcopy(est).fit(X, y, data.weight)
    return other.set_weights(permuted(est.get_weights(), **order)).fit(X, y, data.weight)


ORDERED = {**WHOLE, "warm_start": True, "max_iter": 3}


@FEW
@given(with_data(estimators(**ORDERED), sparse=False))
def test_order_of_the_features_does_not_matter(drawn):
    est, data = drawn
    features = data.rng.permutation(data.X.shape[1])
    est.fit(*data_of(data))
    other = gone_on(est, data, data.X[:, features], data.y, features=features)
    again = gone_on(est, data, data.X, data.y)
    np.testing.assert_allclose(
        raw(other, data.X[:, features]), raw(again, data.X), rtol=1e-6, atol=1e-8
    )


def raw(est, X):
    """Return what is predicted, without the classes."""
    return getattr(est, "decision_function", est.predict)(X)


@FEW
@given(
    with_data(
        regressors(losses=("squared_error", "huber", "poisson"), **ORDERED, target_scaling=None),
        n_outputs=3,
    )
)
def test_order_of_the_targets_does_not_matter(drawn):
    est, data = drawn
    columns = data.rng.permutation(3)
    est.fit(*data_of(data))
    other = gone_on(est, data, data.X, data.y[:, columns], columns=columns)
    again = gone_on(est, data, data.X, data.y)
    np.testing.assert_allclose(
        other.predict(data.X), again.predict(data.X)[:, columns], rtol=1e-6, atol=1e-8
    )


@FEW
@given(with_data(classifiers(**ORDERED), n_outputs=3, several=False))
def test_order_of_the_classes_does_not_matter(drawn):
    est, data = drawn
    columns = data.rng.permutation(4)  # the new class j is the old class columns[j]
    est.fit(*data_of(data))
    other = gone_on(est, data, data.X, np.argsort(columns)[data.y], columns=columns)
    again = gone_on(est, data, data.X, data.y)
    np.testing.assert_allclose(
        raw(other, data.X), raw(again, data.X)[:, columns], rtol=1e-6, atol=1e-8
    )


@FEW
@given(with_data(estimators(**WHOLE, max_iter=3)))
def test_order_of_the_rows_does_not_matter(drawn):
    est, data = drawn
    rows = data.rng.permutation(len(data.y))
    other = clone(est).fit(data.X[rows], data.y[rows], data.weight[rows])
    assert_same_model(est.fit(*data_of(data)), other, data.X)


# -- scale ---------------------------------------------------------------------------------


@FEW
@given(with_data(estimators(**WHOLE, max_iter=5, feature_scaling="standard"), sparse=False))
def test_units_of_the_features_do_not_matter(drawn):
    est, data = drawn
    units = np.exp(data.rng.uniform(-9, 9, data.X.shape[1]))
    shift = units * data.rng.standard_normal(data.X.shape[1])
    other = clone(est).fit(data.X * units + shift, data.y, data.weight)
    est.fit(*data_of(data))
    np.testing.assert_allclose(
        raw(other, data.X * units + shift), raw(est, data.X), rtol=1e-5, atol=1e-7
    )


SCALED = {"losses": ("squared_error", "absolute_error", "log_cosh"), "target_scaling": "standard"}


@FEW
@given(with_data(regressors(**SCALED, **WHOLE, max_iter=5)), st.floats(-9, 9))
def test_unit_of_the_target_does_not_matter(drawn, power):
    est, data = drawn
    unit = np.exp(power)
    other = clone(est).fit(data.X, unit * data.y, data.weight)
    est.fit(*data_of(data))
    np.testing.assert_allclose(other.loss_curve_, est.loss_curve_, rtol=1e-6)
    np.testing.assert_allclose(other.predict(data.X), unit * est.predict(data.X), rtol=1e-5)


# -- bits ----------------------------------------------------------------------------------


@st.composite
def noisy(draw, **fixed):
    """Return an estimator with noise, in either precision."""
    parts = {
        "dropout": st.sampled_from([0.0, 0.4]),
        "input_dropout": st.sampled_from([0.0, 0.2]),
        "input_noise": st.sampled_from([0.0, 0.1]),
        "average": st.booleans(),
        "l1_ratio": st.sampled_from([0.0, 0.5]),
        "dtype": st.sampled_from(["float32", "float64"]),
        "solver": st.sampled_from(["sgd", "adam", "rmsprop", "nadam"]),
        "batch_size": st.integers(2, 12),
        "learning_rate": st.sampled_from(["constant", "invscaling", "adaptive"]),
    }
    drawn = {name: draw(strategy) for name, strategy in parts.items()}
    return draw(estimators(**{**drawn, **fixed}))


@FEW
@given(with_data(noisy(max_iter=2)))
def test_clone_gives_the_same_bits(drawn):
    est, data = drawn
    first = clone(est).fit(*data_of(data))
    other = clone(first).fit(*data_of(data))
    assert same(outputs(first, data.X), outputs(other, data.X))
    assert same(first.loss_curve_, other.loss_curve_)
    assert same(first.coefs_, est.fit(*data_of(data)).coefs_)


@FEW
@given(with_data(noisy(max_iter=2, warm_start=True)))
def test_pickle_goes_on_to_the_same_bits(drawn):
    est, data = drawn
    est.fit(*data_of(data))
    loaded = pickle.loads(pickle.dumps(est))
    assert same(outputs(loaded, data.X), outputs(est, data.X))
    # Balanced weights of classes need all rows at once.
    balanced = getattr(est, "class_weight", None)
    for train in ("fit", "fit" if balanced else "partial_fit"):
        for each in (est, loaded):
            getattr(each, train)(*data_of(data))
        assert same(loaded.__getstate__(), est.__getstate__())


@FEW
@given(with_data(noisy(warm_start=True)), st.integers(2, 5))
def test_short_fits_are_one_long_fit(drawn, k):
    est, data = drawn
    whole = clone(est).set_params(max_iter=k).fit(*data_of(data))
    losses = []
    for _ in range(k):
        losses += est.set_params(max_iter=1).fit(*data_of(data)).loss_curve_
    assert same(losses, whole.loss_curve_)
    assert same(est.coefs_, whole.coefs_)
    assert same(est.intercepts_, whole.intercepts_)
    assert same(outputs(est, data.X), outputs(whole, data.X))
