"""Targets scaled inside the regressor: as by scikit-learn's TransformedTargetRegressor."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from trust import QUICK, assert_checks, outputs, same, unchanged

from skmlp import MLPRegressor
from skmlp.estimators.scaling.rows import Rows
from skmlp.estimators.scaling.scaling import SCALINGS
from skmlp.estimators.scaling.target_scaling import Affine, Transformed, Unscaled
from skmlp.losses import LOSSES, SquaredError

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

SCALERS = {"standard": StandardScaler(), "robust": RobustScaler(), "maxabs": MaxAbsScaler()}

each_scaling = pytest.mark.parametrize("name", SCALERS)
each_number = pytest.mark.parametrize("k", [1, 3], ids=["one target", "three targets"])


def problem(k=1, n=80, dtype=np.float64):
    """Return rows and targets of very different size and place."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n, 4))
    y = np.tanh(X @ rng.normal(size=(4, 3))) * [1e4, 1e-3, 1] + [5e5, 0, 3]
    return X.astype(dtype), (y[:, 0] if k == 1 else y).astype(dtype)


def regressor(**params):
    """Return a small regressor."""
    return MLPRegressor(**{"hidden_layer_sizes": (7,), "max_iter": 10, "random_state": 0, **params})


def trained(est):
    """Return what training leaves."""
    return [*est.coefs_, *est.intercepts_]


def assert_close(found, expected, tolerance=1e-7):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def numbers(name, y, weight=None):
    """Return centre and scale of targets."""
    known = SCALINGS[name].of(Rows(y.reshape(len(y), -1).astype(np.float64), weight))
    return known.centre, known.scale


# -- like a transformed target ---------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@each_number
@each_scaling
def test_training_is_that_of_a_transformed_target(name, k, solver):
    X, y = problem(k)
    params = {"solver": solver, "batch_size": 30, "max_iter": 20}
    theirs = TransformedTargetRegressor(regressor(**params), transformer=SCALERS[name]).fit(X, y)
    ours = regressor(target_scaling=name, **params).fit(X, y)
    assert_close(trained(ours), trained(theirs.regressor_))
    assert_close(ours.loss_curve_, theirs.regressor_.loss_curve_)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-7)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y))
    given = regressor(target_scaling=SCALERS[name], **params).fit(X, y)
    assert same(trained(given), trained(theirs.regressor_))
    assert same(given.predict(X), theirs.predict(X))


@each_number
def test_any_transformer_with_an_inverse_is_taken(k):
    X, y = problem(k)
    for transformer in (
        QuantileTransformer(n_quantiles=20, output_distribution="normal"),
        FunctionTransformer(np.arcsinh, np.sinh),
    ):
        theirs = TransformedTargetRegressor(regressor(), transformer=transformer).fit(X, y)
        ours = regressor(target_scaling=transformer).fit(X, y)
        assert same(ours.predict(X), theirs.predict(X))
        assert ours.target_scaling is transformer
        assert ours.target_scaler_ is not transformer


@each_number
@each_scaling
def test_weights_are_repeated_rows(name, k):
    X, y = problem(k)
    weight = np.random.RandomState(0).randint(0, 3, len(X))
    repeated = np.repeat(np.arange(len(X)), weight)
    params = {"target_scaling": name, "solver": "lbfgs"}
    weighted = regressor(**params).fit(X, y, weight)
    plain = regressor(**params).fit(X[repeated], y[repeated])
    assert_close(trained(weighted), trained(plain))
    np.testing.assert_allclose(weighted.predict(X), plain.predict(X), rtol=1e-7)


def test_transformer_is_handed_the_weights():
    X, y = problem()
    weight = np.random.RandomState(0).uniform(0, 3, len(X))
    given = regressor(target_scaling=StandardScaler()).fit(X, y, weight)
    named = regressor(target_scaling="standard").fit(X, y, weight)
    np.testing.assert_allclose(given.predict(X), named.predict(X), rtol=1e-12)
    regressor(target_scaling=RobustScaler()).fit(X, y, weight)  # takes none


@each_scaling
def test_what_is_not_known_has_no_part(name):
    X, y = problem(3)
    y = y.copy()
    missing = np.random.RandomState(0).uniform(size=y.shape) < 0.3
    y[missing] = np.nan
    weight = np.random.RandomState(1).randint(0, 3, len(X)).astype(float)
    for w in (None, weight):
        est = regressor(target_scaling=name).fit(X, y, w)
        expected = [
            numbers(name, column[known], None if w is None else w[known])
            for column, known in zip(y.T, ~missing.T, strict=True)
        ]
        assert_close(
            [est._architecture["target_centre"], est._architecture["target_scale"]],
            np.array(expected)[..., 0].T,
            1e-12,
        )
        assert np.isfinite(est.predict(X)).all()
        assert est.score(X, y) <= 1


def test_target_known_only_where_there_is_no_weight_is_not_scaled():
    X, y = problem(3)
    y = y.copy()
    y[1:, 2] = np.nan
    weight = np.ones(len(X))
    weight[0] = 0
    est = regressor(target_scaling="standard").fit(X, y, weight)
    assert est._architecture["target_scale"][2] == 1.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_number
@each_scaling
def test_predictions_have_the_fitted_type_and_the_units_of_y(name, k, dtype):
    X, y = problem(k, dtype=dtype)
    params = {"hidden_layer_sizes": (30,), "max_iter": 300, "learning_rate_init": 0.02}
    est = regressor(target_scaling=name, **params).fit(X, y)
    assert est.predict(X).dtype == dtype
    assert est.predict(X).shape == y.shape
    if name == "standard":
        assert est.score(X, y) > 0.95
    for values in (*est.coefs_, *est.intercepts_):
        assert values.dtype == dtype


def test_loss_is_that_of_scaled_targets_and_scores_are_not():
    X, y = problem(n=200)
    small, large = (
        regressor(target_scaling="standard", early_stopping=True).fit(X, size * y)
        for size in (1, 1024)
    )
    assert same(small.loss_curve_, large.loss_curve_)
    assert same(small.validation_scores_, large.validation_scores_)
    np.testing.assert_allclose(large.predict(X), 1024 * small.predict(X), rtol=1e-14)
    assert small.loss_ < 2
    assert small.score(X, y) == pytest.approx(large.score(X, 1024 * y))


def test_validation_scores_are_those_of_the_targets():
    X, y = problem(3, n=200)
    est = regressor(target_scaling="standard", early_stopping=True, max_iter=1)
    est.fit(X, y)
    held_out = est._model.target
    raw = est._model.raw_scores(X, est._model.parameters(est._weights()))
    encoded = held_out.encode(y, np.float64)
    assert held_out.score(encoded, raw, None) == pytest.approx(est.score(X, y))


# -- losses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scaling", ["standard", "robust", StandardScaler()], ids=str)
@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
def test_targets_of_a_logarithmic_link_are_not_moved(loss, scaling):
    X, y = problem()
    est = regressor(loss=loss, target_scaling=scaling)
    with unchanged(est, X), pytest.raises(ValueError, match=r"target_scaling=.*loss="):
        est.fit(X, y)


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
def test_targets_of_a_logarithmic_link_may_be_multiplied(loss):
    X, _ = problem(n=200)
    y = 1e6 * np.exp(X[:, 0])
    params = {"max_iter": 300, "learning_rate_init": 0.02, "target_scaling": "maxabs"}
    est = regressor(loss=loss, **params).fit(X, y)
    assert est.score(X, y) > 0.7
    assert est.predict(X).min() > 0


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "log_cosh", "quantile"])
@each_number
def test_losses_of_differences_take_any_scaling(loss, k):
    X, y = problem(k, n=200)
    params = {"max_iter": 300, "learning_rate_init": 0.02, "target_scaling": "standard"}
    est = regressor(loss=loss, **params).fit(X, y)
    assert est.predict(X).shape == y.shape
    residual = np.median(np.abs(est.predict(X) - y), axis=0)
    assert np.all(residual < 0.3 * y.std(axis=0))


@each_number
def test_quantiles_are_in_the_units_of_y(k):
    X, y = problem(k, n=400)
    params = {"max_iter": 200, "learning_rate_init": 0.02, "quantile": [0.1, 0.5, 0.9]}
    for scaling in ("standard", StandardScaler()):
        est = regressor(loss="quantile", target_scaling=scaling, **params).fit(X, y)
        low, middle, high = np.moveaxis(est.predict(X), -1, 0)
        assert middle.shape == y.shape
        assert np.all((low <= middle) & (middle <= high))
        covered = ((low <= y) & (y <= high)).mean(axis=0)
        assert np.all((covered > 0.6) & (covered <= 1))


@each_number
def test_standard_deviations_are_in_the_units_of_y(k):
    X, y = problem(k, n=200)
    est = regressor(loss="gaussian", target_scaling="standard", solver="lbfgs", max_iter=30)
    mean, deviation = est.fit(X, y).predict(X, return_std=True)
    centre, scale = numbers("standard", y)
    plain = regressor(loss="gaussian", solver="lbfgs", max_iter=30)
    scaled = (y.reshape(200, -1) - centre) * scale
    plain_mean, plain_deviation = plain.fit(X, scaled[:, 0] if k == 1 else scaled).predict(
        X, return_std=True
    )
    scale, centre = (scale[0], centre[0]) if k == 1 else (scale, centre)
    np.testing.assert_allclose(mean, plain_mean / scale + centre, rtol=1e-6)
    np.testing.assert_allclose(deviation, plain_deviation / scale, rtol=1e-6)


def test_a_transformer_says_nothing_of_deviations():
    X, y = problem()
    est = regressor(loss="gaussian", target_scaling=StandardScaler()).fit(X, y)
    assert np.isfinite(est.predict(X)).all()
    with pytest.raises(ValueError, match="return_std"):
        est.predict(X, return_std=True)


class CountsError(SquaredError):
    """A loss of the user's whose targets are not negative."""

    domain = LOSSES["poisson"]().domain


class OwnLinkError(SquaredError):
    """A loss of the user's that knows nothing of moved targets."""

    link = "own"


@pytest.mark.parametrize("loss", [CountsError(), OwnLinkError()])
def test_losses_of_the_user_are_asked(loss):
    X, y = problem()
    assert np.isfinite(regressor(loss=loss, target_scaling="maxabs").fit(X, y).predict(X)).all()
    with pytest.raises(ValueError, match="target_scaling='standard'"):
        regressor(loss=loss, target_scaling="standard").fit(X, y)


# -- extremes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "size"), [("f8", 1e300), ("f8", 1e-300), ("f4", 1e30), ("f4", 1e-37)]
)
@each_scaling
def test_targets_of_any_size_are_learnt(name, dtype, size):
    X, y = problem(3, n=200)
    y = ((y - y.mean(axis=0)) / y.std(axis=0)).astype(dtype) * np.array(size, dtype)
    params = {"hidden_layer_sizes": (30,), "max_iter": 200, "learning_rate_init": 0.02}
    est = regressor(target_scaling=name, **params).fit(X.astype(dtype), y)
    predicted = est.predict(X.astype(dtype))
    assert predicted.dtype == dtype
    error = (predicted.astype("f8") / size - y.astype("f8") / size).std(axis=0)
    assert np.all(error < 0.3)


@each_number
@each_scaling
def test_constant_targets_are_safe(name, k):
    X, _ = problem()
    for value in (0.0, 0.1, -1e300, 1e-300):
        y = np.full((len(X), k), value).squeeze()
        est = regressor(target_scaling=name).fit(X, y)
        assert est.predict(X).shape == y.shape
        assert np.isfinite(est.predict(X)).all()
        if name != "maxabs" and value:
            np.testing.assert_allclose(est.predict(X), y, atol=2)
        est = regressor(target_scaling=name).fit(X[:1], y[:1])
        assert np.isfinite(est.predict(X)).all()


def test_huge_input_gives_large_predictions():
    X, y = problem(3)
    for dtype in (np.float32, np.float64):
        est = regressor(target_scaling="standard", activation="identity").fit(X.astype(dtype), y)
        huge = np.full((1, 4), np.finfo(dtype).max)
        assert np.isfinite(est.predict(huge)).all()


def test_targets_too_large_for_the_type_are_refused():
    X, y = problem()
    est = regressor(target_scaling="standard", dtype="float32")
    with unchanged(est, X), pytest.raises(ValueError, match="too large for float32"):
        est.fit(X, 1e40 * y)


# -- later calls ------------------------------------------------------------------------------


@pytest.mark.parametrize("scaling", [*SCALERS, StandardScaler()], ids=str)
def test_first_call_fixes_the_numbers(scaling):
    X, y = problem(3)
    est = regressor(target_scaling=scaling, solver="sgd").partial_fit(X[:40], y[:40])
    fixed = numbers(scaling if isinstance(scaling, str) else "standard", y[:40])
    by_hand = regressor(solver="sgd")
    for part in (slice(0, 40), slice(40, 80), slice(0, 80)):
        by_hand.partial_fit(X[part], (y[part] - fixed[0]) * fixed[1])
        if part.start or part.stop == 80:
            est.partial_fit(X[part], y[part])
    assert_close(trained(est), trained(by_hand))
    np.testing.assert_allclose(est.predict(X), by_hand.predict(X) / fixed[1] + fixed[0], rtol=1e-9)


@pytest.mark.parametrize("scaling", [*SCALERS, StandardScaler()], ids=str)
def test_warm_start_keeps_the_numbers_and_a_cold_one_does_not(scaling):
    X, y = problem()
    params = {"target_scaling": scaling, "batch_size": 25}
    whole = regressor(max_iter=4, **params).fit(X, y)
    parts = regressor(max_iter=1, warm_start=True, **params)
    for _ in range(4):
        parts = pickle.loads(pickle.dumps(parts.fit(X, y)))
    assert same(trained(parts), trained(whole))
    assert same(parts.predict(X), whole.predict(X))
    before = copy.deepcopy(parts._model.target.scaling.__dict__)
    parts.fit(X, 100 * y)
    if isinstance(scaling, str):
        assert same(parts._model.target.scaling.__dict__, before)
    parts.set_params(warm_start=False, max_iter=4).fit(X, 1024 * y)
    np.testing.assert_allclose(parts.predict(X), 1024 * whole.predict(X), rtol=1e-9)


@pytest.mark.parametrize("how", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("fitted", "then"),
    [
        (None, "standard"),
        ("standard", None),
        ("robust", "maxabs"),
        ("maxabs", StandardScaler()),
        (StandardScaler(), RobustScaler()),
    ],
)
def test_fitted_network_keeps_its_scaling(fitted, then, how):
    X, y = problem()
    est = regressor(target_scaling=fitted, warm_start=True).fit(X, y)
    est.set_params(target_scaling=then)
    with unchanged(est, X), pytest.raises(ValueError, match="target_scaling="):
        getattr(est, how)(X, y)


def test_other_scaling_forgets_the_transformer():
    X, y = problem()
    est = regressor(target_scaling=StandardScaler()).fit(X, y)
    est.set_params(target_scaling="standard").fit(X, y)
    assert not hasattr(est, "target_scaler_")


# -- transformers that do wrong -----------------------------------------------------------------


class Wrong(TransformerMixin, BaseEstimator):
    """A transformer of functions."""

    def __init__(self, there, back=lambda y: y):
        self.there, self.back = there, back

    def fit(self, y):
        return self

    def transform(self, y):
        return self.there(y)

    def inverse_transform(self, y):
        return self.back(y)


@pytest.mark.parametrize(
    ("there", "message"),
    [
        (lambda y: y[:, 0], "made shape"),
        (lambda y: y[:5], "made shape"),
        (lambda y: np.full(y.shape, np.nan), "infinite or NaN"),
        (lambda y: y * np.inf, "infinite or NaN"),
        (lambda y: np.multiply(y, 2, out=y), "read-only"),
    ],
)
def test_output_of_a_transformer_is_checked(there, message):
    X, y = problem()
    est, kept = regressor(target_scaling=Wrong(there)), y.copy()
    with unchanged(est, X), pytest.raises(ValueError, match=message):
        est.fit(X, y)
    assert same(y, kept)


def test_inverse_of_a_transformer_is_checked():
    X, y = problem()
    est = regressor(target_scaling=Wrong(lambda y: y, lambda y: y[:, 0])).fit(X, y)
    with pytest.raises(ValueError, match="made shape"):
        est.predict(X)


# -- parameters, saved estimators ---------------------------------------------------------------


def test_parameters_of_a_transformer_are_parameters():
    est = MLPRegressor(target_scaling=StandardScaler())
    est.set_params(target_scaling__with_std=False)
    assert not clone(est).target_scaling.with_std
    assert clone(est).target_scaling is not est.target_scaling


def test_grid_search_over_the_ways_of_scaling():
    X, y = problem(n=100)
    search = GridSearchCV(
        regressor(max_iter=50, learning_rate_init=0.05),
        {"target_scaling": [None, *SCALERS, StandardScaler()], "feature_scaling": ["standard"]},
        cv=2,
        error_score="raise",
    ).fit(X, y)
    assert search.best_score_ > 0.5
    assert search.best_params_["target_scaling"] is not None


@pytest.mark.parametrize("scaling", [*SCALERS, StandardScaler()], ids=str)
@each_number
def test_saved_estimator_goes_on_to_the_same_bits(scaling, k):
    X, y = problem(k)
    est = regressor(target_scaling=scaling).partial_fit(X, y)
    loaded = pickle.loads(pickle.dumps(est))
    assert same(outputs(loaded, X), outputs(est, X))
    for one in (est, loaded):
        one.partial_fit(X, y)
    assert same(trained(loaded), trained(est))


@pytest.mark.parametrize(
    "change",
    [
        {"target_centre": [0.0]},
        {"target_scale": [1.0] * 4},
        {"target_scale": [1.0, 0.0, 1.0]},
        {"target_scale": [1.0, np.nan, 1.0]},
        {"target_scale": None},
        {"target_centre": "abc"},
        {"target_scaling": "magic"},
        {"target_scaling": "transformer"},
        {"output_range": [1.0, 0.0]},
    ],
    ids=str,
)
def test_damaged_scaling_is_refused(change):
    X, y = problem(3)
    state = copy.deepcopy(regressor(target_scaling="standard").fit(X, y).__getstate__())
    state["_architecture"].update(change)
    with pytest.raises(ValueError, match="saved"):
        MLPRegressor.__new__(MLPRegressor).__setstate__(state)


# -- the scaling by itself ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_decoding_undoes_encoding(dtype):
    rng = np.random.RandomState(0)
    y = rng.normal(size=(6, 2)) * [1e8, 1e-8] + [1e9, 0]
    for one in (
        Unscaled(None),
        Affine(None, [1e9, 1e-9], [1e-8, 1e8]),
        Transformed(None, StandardScaler().fit(y)),
    ):
        scaled = one.encode(y)
        assert scaled.dtype == np.float64
        found = one.decode(scaled.astype(dtype))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, y, rtol=10 * np.finfo(dtype).eps, atol=1e-14)
        levels = np.stack([scaled, scaled + 1], axis=-1)
        np.testing.assert_allclose(one.decode(levels)[..., 0], y, rtol=1e-12, atol=1e-14)
        assert one.bounds(2) is None


def test_decoding_without_scaling_copies_nothing():
    predicted = np.ones((3, 2))
    assert Unscaled(None).decode(predicted) is predicted


# -- scikit-learn -------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "est",
    [
        MLPRegressor(**QUICK, target_scaling="standard"),
        MLPRegressor(**QUICK, target_scaling="robust", feature_scaling="smooth_clip"),
        MLPRegressor(**QUICK, target_scaling=StandardScaler()),
    ],
    ids=repr,
)
def test_checks(est):
    assert_checks(est)
