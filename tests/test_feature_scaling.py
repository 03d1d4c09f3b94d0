"""Features scaled inside the estimator: as by scikit-learn's scalers in a pipeline."""

import copy
import functools
import pickle
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from cases import in_one_case
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from trust import (
    ESTIMATORS,
    QUICK,
    assert_checks,
    estimator,
    first_partial_fit,
    outputs,
    problem,
    same,
    unchanged,
)

from skmlp import MLPClassifier, MLPRegressor, inference
from skmlp.estimators.scaling import rows as rows_module
from skmlp.estimators.scaling.rows import Rows
from skmlp.estimators.scaling.scaling import SCALINGS
from skmlp.layers import Rescale, SmoothClip, dense

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

SCALERS = {
    "standard": (StandardScaler(), StandardScaler(with_mean=False)),
    "robust": (RobustScaler(), RobustScaler(with_centering=False)),
    "maxabs": (MaxAbsScaler(), MaxAbsScaler()),
}
MERGING = ["standard", "maxabs"]

each_scaling = pytest.mark.parametrize("name", SCALINGS)
each_scaler = pytest.mark.parametrize("name", SCALERS)
each_kind = in_one_case(kind=["dense", "sparse"])


def rows(n=60, dtype=np.float64, seed=0):
    """Return rows of columns of very different size and place."""
    rng = np.random.RandomState(seed)
    X = rng.standard_t(3, (n, 5)) * [1, 1e-4, 50, 1e3, 3] + [0, 1, -300, 1e4, 2]
    return X.astype(dtype)


def as_kind(X, kind):
    """Return X, or a sparse array of two thirds of it."""
    if kind == "dense":
        return X
    keep = np.random.RandomState(1).uniform(size=X.shape) < 2 / 3
    return sp.csr_array(np.where(keep, X, 0))


def scaler(name, kind):
    """Return scikit-learn's scaler."""
    return clone(SCALERS[name][kind == "sparse"])


def measured(name, X, weight=None, subset=None):
    """Return what a way of scaling knows of rows."""
    return SCALINGS[name].of(Rows(X, weight, subset))


def data(task, kind="dense", n=60, dtype=np.float64):
    """Return rows that need scaling and their targets."""
    X, y = problem(task, n=n, dtype=dtype)
    return as_kind((X * [1, 1e-3, 100, 10] + [3, 1, 0, -50]).astype(dtype), kind), y


def trained(est):
    """Return what training leaves."""
    return [*est.coefs_, *est.intercepts_]


def assert_close(found, expected, tolerance=1e-7):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def assert_same_statistics(a, b, tolerance=1e-12):
    assert a.total == pytest.approx(b.total, rel=1e-12)
    assert a.centred == b.centred
    for mine, theirs in zip(a.arrays, b.arrays, strict=True):
        assert mine.dtype == np.float64
        np.testing.assert_allclose(mine, theirs, rtol=tolerance)


# -- the numbers -------------------------------------------------------------------------


@pytest.fixture(params=[7, rows_module.BLOCK], ids=["small blocks", "one block"])
def block(request, monkeypatch):
    """Look at a few numbers at a time, or at all."""
    monkeypatch.setattr(rows_module, "BLOCK", request.param)


@in_one_case(dtype=[np.float32, np.float64])
@each_kind
@each_scaler
def test_numbers_are_those_of_scikit_learn(name, kind, dtype, block):
    X = as_kind(rows(dtype=dtype), kind)
    found = measured(name, X)
    theirs = scaler(name, kind).fit(X.astype(np.float64))
    centre = {"standard": "mean_", "robust": "center_"}.get(name)
    moved = centre is not None and kind == "dense"
    np.testing.assert_allclose(found.scale, 1 / theirs.scale_, rtol=1e-12)
    np.testing.assert_allclose(
        found.centre, getattr(theirs, centre) if moved else np.zeros(5), rtol=1e-12
    )


@each_kind
def test_smooth_clip_falls_back_to_the_range_and_to_zero(kind):
    X = np.zeros((40, 3))
    X[:, 0] = np.arange(40)
    X[:5, 1] = [3, -1, 0.5, 2, -2]
    found = measured("smooth_clip", as_kind(X, "dense") if kind == "dense" else sp.csr_array(X))
    np.testing.assert_allclose(found.scale, [1 / 19.5, 2 / 5, 0])
    np.testing.assert_allclose(found.centre, [19.5 if kind == "dense" else 0, 0, 0])


@each_kind
@each_scaling
def test_weights_are_repeated_rows(name, kind, block):
    X = as_kind(rows(), kind)
    weight = np.random.RandomState(2).randint(0, 4, len(rows())).astype(float)
    repeated = X[np.repeat(np.arange(X.shape[0]), weight.astype(int))]
    found = measured(name, X, weight)
    assert_same_statistics(found, measured(name, repeated))
    np.testing.assert_allclose(found.scale, measured(name, repeated).scale, rtol=1e-12)


@each_kind
@each_scaling
def test_weights_of_one_change_nothing_and_small_ones_count_by_their_share(name, kind):
    X = as_kind(rows(), kind)
    plain = measured(name, X)
    assert_same_statistics(measured(name, X, np.ones(60)), plain)
    light = measured(name, X, np.full(60, 1e-9))
    np.testing.assert_allclose(light.scale, plain.scale, rtol=1e-9)
    np.testing.assert_allclose(light.centre, plain.centre, rtol=1e-9)


@each_kind
@each_scaling
def test_rows_outside_the_subset_have_no_part(name, kind, block):
    X, weight = as_kind(rows(), kind), np.random.RandomState(2).uniform(0, 2, 60)
    subset = np.random.RandomState(3).permutation(60)[:37]
    for w in (None, weight):
        chosen = measured(name, X[subset], None if w is None else w[subset])
        assert_same_statistics(measured(name, X, w, subset), chosen)


@each_kind
@in_one_case(weighted=[False, True])
@pytest.mark.parametrize("name", MERGING)
def test_merged_rows_are_all_rows(name, weighted, kind):
    X = as_kind(rows(), kind)
    weight = np.random.RandomState(2).uniform(0.1, 2, 60) if weighted else None
    whole, parts = measured(name, X, weight), None
    for part in (slice(0, 1), slice(1, 30), slice(30, 60)):
        now = measured(name, X[part], None if weight is None else weight[part])
        parts = now if parts is None else parts.merged(now)
    assert_same_statistics(parts, whole)


@each_kind
@pytest.mark.parametrize("name", ["robust", "smooth_clip"])
def test_merged_quantiles_are_weighted_means(name, kind):
    X = as_kind(rows(), kind)
    first, second = measured(name, X[:20]), measured(name, X[20:])
    merged = first.merged(second)
    assert merged.total == 60
    np.testing.assert_allclose(merged.quantiles, (first.quantiles + 2 * second.quantiles) / 3)


def test_weighted_quantiles_are_in_order_and_mirrored():
    rng = np.random.RandomState(0)
    for n in (1, 2, 5, 40):
        X, weight = rng.normal(size=(n, 3)), rng.uniform(0, 3, n) + 1e-3
        found = measured("robust", X, weight).quantiles
        assert np.all(np.diff(found, axis=0) >= 0)
        np.testing.assert_allclose(measured("robust", -X, weight).quantiles, -found[::-1])


@each_scaling
def test_order_and_duplicates_of_stored_numbers_do_not_matter(name):
    X = as_kind(rows(), "sparse")
    twice = X.tocoo()
    split = sp.csr_array(
        (
            np.tile(twice.data / 2, 2),
            np.tile(X.indices, 2)[order := _by_row(X)],
            2 * X.indptr,
        ),
        shape=X.shape,
    )
    split.data = np.tile(X.data / 2, 2)[order]
    kept = [array.copy() for array in (split.data, split.indices, split.indptr)]
    assert not split.has_canonical_format
    assert_same_statistics(measured(name, split), measured(name, X))
    assert same([split.data, split.indices, split.indptr], kept)


def _by_row(X):
    """Return the order that sorts two copies of the stored numbers by row."""
    return np.argsort(
        np.tile(np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), 2), kind="stable"
    )


@in_one_case(size=[1e300, 1e-300, 1e-310, 2.0**500])
@each_kind
@each_scaling
def test_size_of_the_numbers_does_not_matter(name, kind, size):
    X = rows() / np.abs(rows()).max(axis=0)
    plain, scaled = measured(name, as_kind(X, kind)), measured(name, as_kind(X * size, kind))
    tolerance = 1e-2 if size == 1e-310 else 1e-10  # subnormal numbers have few digits
    with np.errstate(over="ignore"):
        largest = np.minimum(plain.scale / size, np.finfo(float).max)
        scaled_scale = scaled.scale
    np.testing.assert_allclose(scaled_scale, largest, rtol=tolerance)
    np.testing.assert_allclose(scaled.centre / size, plain.centre, rtol=tolerance)


@in_one_case(weighted=[False, True])
@in_one_case(value=[0.0, 0.1, -1e300, 1e-300, 123456789.123])
@each_kind
@each_scaling
def test_constant_columns_are_found_in_spite_of_rounding(name, kind, value, weighted):
    X = np.full((100_003, 1), value)
    X = X if kind == "dense" else sp.csr_array(X)
    weight = np.random.RandomState(0).uniform(0.1, 2, len(X.toarray() if kind == "sparse" else X))
    found = measured(name, X, weight if weighted else None)
    if name == "maxabs":
        assert found.scale == (1.0 if value == 0 else 1 / abs(value))
    else:
        assert found.scale == (0.0 if name == "smooth_clip" else 1.0)
        if kind == "dense":
            assert found.centre == pytest.approx(value, rel=1e-15)


def test_small_spread_far_from_zero_is_measured():
    X = 1e9 + np.tile([[0.0], [1.0]], (50_000, 1))
    assert measured("standard", X).deviation == pytest.approx(0.5, rel=1e-12)
    assert measured("standard", sp.csr_array(X)).deviation == pytest.approx(0.5, rel=1e-12)


def test_an_outlier_does_not_hide_the_others():
    X = rows()
    X[7] = 1e300
    found = measured("robust", X, np.where(np.arange(60) == 7, 0.5, 1.0))
    assert np.all(found.scale > 1e-5)
    assert np.isfinite(measured("standard", X).scale).all()


@functools.cache
def many_rows(kind):
    """Return 16 megabytes of rows, or a third of them in a sparse array."""
    X = np.random.RandomState(0).normal(size=(20_000, 100))
    return X if kind == "dense" else sp.csr_array(np.where(X > 0.5, X, 0))


@in_one_case(weighted=[False, True])
@each_kind
@each_scaling
def test_measuring_copies_little_and_changes_nothing(name, kind, weighted):
    X = many_rows(kind)
    stored = X if kind == "dense" else X.data
    kept, weight = stored.copy(), np.ones(20_000) if weighted else None
    stored.flags.writeable = False
    tracemalloc.start()
    measured(name, X, weight)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Quantiles need the stored numbers column by column.
    by_column = kind == "sparse" and name in ("robust", "smooth_clip")
    limit = 3 * stored.nbytes if by_column else 0.1 * stored.nbytes + 8 * 8 * rows_module.BLOCK
    assert used < limit
    assert same(stored, kept)


# -- the layers --------------------------------------------------------------------------


def rescale(centre, scale, dtype=np.float64):
    """Return a layer and its numbers."""
    layer = Rescale()
    layer.build(len(scale))
    return layer, {"centre": np.array(centre, dtype), "scale": np.array(scale, dtype)}


def test_sparse_rows_stay_sparse_unless_they_are_moved():
    X = as_kind(rows(), "sparse")
    layer, p = rescale(np.zeros(5), [1, 2, 3, 4, 5])
    out = np.full(X.shape, np.nan)
    found = layer.forward(X, out, p)
    assert sp.issparse(found)
    assert np.isnan(out).all()
    np.testing.assert_array_equal(found.toarray(), X.toarray() * p["scale"])
    p["centre"][1] = 7
    found = layer.forward(X, out, p)
    assert found is out
    np.testing.assert_array_equal(found, (X.toarray() - p["centre"]) * p["scale"])


@in_one_case(dtype=[np.float32, np.float64])
@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix])
def test_smooth_clip_of_sparse_rows_is_that_of_dense_rows(kind, dtype):
    layer = SmoothClip()
    layer.build(5)
    X = kind(as_kind(rows(dtype=dtype), "sparse"))
    kept = X.copy()
    found = layer.forward(X, np.empty(X.shape, dtype), {})
    assert type(found) is kind
    assert found.dtype == dtype
    dense = layer.forward(X.toarray(), np.empty(X.shape, dtype), {})
    np.testing.assert_array_equal(found.toarray(), dense)
    assert same(X.data, kept.data)
    doubled = kind((np.array([1.0, 1.0]), np.array([0, 0]), np.array([0, 2])), shape=(1, 5))
    assert layer.forward(doubled, np.empty((1, 5)), {})[0, 0] == pytest.approx(2 / (13 / 9) ** 0.5)
    assert doubled.nnz == 2


@in_one_case(dtype=[np.float32, np.float64])
def test_smooth_clip_ends_at_three(dtype):
    layer, large = SmoothClip(), np.finfo(dtype).max
    layer.build(6)
    x = np.array([[0, 1e-30, large, -large, np.inf, -np.inf]], dtype)
    found = layer.forward(x, np.empty_like(x), {})
    np.testing.assert_allclose(found, [[0, 1e-30, 3, -3, 3, -3]], rtol=1e-6)
    assert np.abs(found).max() <= 3 * (1 + np.finfo(dtype).eps)


# -- the estimators: like a pipeline -----------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("task", ["multiclass", "multi-output"])
@each_kind
@each_scaler
def test_training_is_that_of_a_pipeline(name, kind, task, solver):
    X, y = data(task, kind)
    params = {"solver": solver, "batch_size": 25, "max_iter": 20}
    ours = estimator(task, feature_scaling=name, **params).fit(X, y)
    pipeline = make_pipeline(scaler(name, kind), estimator(task, **params)).fit(X, y)
    assert_close(trained(ours), trained(pipeline[-1]))
    assert_close(ours.loss_curve_, pipeline[-1].loss_curve_)
    for found, expected in zip(
        outputs(ours, X).values(), outputs(pipeline, X).values(), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)
    assert ours.score(X, y) == pytest.approx(pipeline.score(X, y))


@each_kind
@each_scaler
def test_transformer_trains_as_in_a_pipeline_to_the_last_bit(name, kind):
    X, y = data("multiclass", kind)
    ours = estimator("multiclass", feature_scaling=scaler(name, kind)).fit(X, y)
    pipeline = make_pipeline(scaler(name, kind), estimator("multiclass")).fit(X, y)
    assert same(trained(ours), trained(pipeline[-1]))
    assert same(outputs(ours, X), outputs(pipeline, X))


def test_sample_weights_scale_as_in_a_pipeline():
    X, y = data("multiclass")
    weight = np.random.RandomState(0).uniform(0, 3, len(X))
    ours = estimator("multiclass", feature_scaling="standard").fit(X, y, weight)
    pipeline = make_pipeline(StandardScaler(), estimator("multiclass"))
    pipeline.fit(X, y, standardscaler__sample_weight=weight, mlpclassifier__sample_weight=weight)
    assert_close(trained(ours), trained(pipeline[-1]))
    given = estimator("multiclass", feature_scaling=StandardScaler()).fit(X, y, weight)
    assert same(trained(given), trained(pipeline[-1]))


@pytest.mark.parametrize("name", [*SCALINGS, StandardScaler()], ids=str)
def test_class_weights_are_weights(name):
    X, y = data("multiclass")
    weights = {0: 2.0, 1: 0.5, 2: 1.0}
    by_class = estimator("multiclass", feature_scaling=name, class_weight=weights).fit(X, y)
    by_row = estimator("multiclass", feature_scaling=name)
    by_row.fit(X, y, np.array([weights[label] for label in y]))
    assert same(trained(by_class), trained(by_row))
    assert same(outputs(by_class, X), outputs(by_row, X))


@each_kind
@each_scaling
def test_weights_train_as_repeated_rows(name, kind):
    X, y = data("regression", kind)
    weight = np.random.RandomState(0).randint(0, 3, X.shape[0])
    repeated = np.repeat(np.arange(X.shape[0]), weight)
    params = {"feature_scaling": name, "solver": "lbfgs", "max_iter": 20}
    weighted = estimator("regression", **params).fit(X, y, weight)
    assert_close(
        trained(weighted), trained(estimator("regression", **params).fit(X[repeated], y[repeated]))
    )


@each_scaling
def test_held_out_rows_have_no_part_in_the_numbers(name):
    X, y = data("regression", n=40)
    params = {"feature_scaling": name, "early_stopping": True, "max_iter": 1}
    params["validation_fraction"] = 0.2
    numbers = estimator("regression", **params).fit(X, y).layer_params_[0]
    without_part = 0
    for i in range(40):
        other = X.copy()
        other[i] += 1e3
        moved = estimator("regression", **params).fit(other, y).layer_params_[0]
        without_part += same(moved, numbers)
    assert without_part == 8


@in_one_case(dtype=[np.float32, np.float64])
@each_scaling
def test_numbers_are_shown_in_the_type_of_the_network(name, dtype):
    X, y = data("multiclass", dtype=dtype)
    est = estimator("multiclass", feature_scaling=name).fit(X, y)
    expected = measured(name, X)
    numbers = est.layer_params_[0]
    assert numbers["centre"].dtype == numbers["scale"].dtype == dtype
    np.testing.assert_array_equal(numbers["centre"], expected.centre.astype(dtype))
    np.testing.assert_array_equal(numbers["scale"], expected.scale.astype(dtype))
    assert est.predict_proba(X).dtype == dtype


@each_scaling
def test_scaling_is_followed_by_other_layers(name):
    X, y = data("multiclass", n=200)
    params = {"input_dropout": 0.1, "input_noise": 0.01, "batch_norm": "input", "max_iter": 60}
    est = estimator("multiclass", feature_scaling=name, solver="adam", **params)
    est.set_params(learning_rate_init=0.02).fit(X, y)
    assert est.score(X, y) > 0.7
    assert set(est.layer_params_[0]) == {"centre", "scale"}


# -- later calls -------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize("average", [False, True, 0.9])
@pytest.mark.parametrize("name", MERGING)
def test_partial_fit_is_that_of_scaler_and_network(name, average, kind):
    X, y = data("multiclass", kind, n=90)
    theirs, plain = scaler(name, kind), estimator("multiclass", average=average)
    ours = estimator("multiclass", average=average, feature_scaling=name)
    given = estimator("multiclass", average=average, feature_scaling=scaler(name, kind))
    for part in (slice(0, 10), slice(10, 50), slice(50, 90), slice(0, 90)):
        theirs.partial_fit(X[part])
        plain.partial_fit(theirs.transform(X[part]), y[part], classes=[0, 1, 2])
        for est in (ours, given):
            est.partial_fit(X[part], y[part], classes=[0, 1, 2])
    for est in (ours, given):
        assert_close(trained(est), trained(plain))
        np.testing.assert_allclose(
            est.predict_proba(X), plain.predict_proba(theirs.transform(X)), rtol=1e-7
        )


@pytest.mark.parametrize("name", MERGING)
def test_partial_fit_goes_on_from_the_rows_of_fit(name):
    X, y = data("regression", n=90)
    est = estimator("regression", feature_scaling=name).fit(X[:30], y[:30])
    est.partial_fit(X[30:], y[30:])
    whole = measured(name, X)
    np.testing.assert_allclose(est.layer_params_[0]["scale"], whole.scale, rtol=1e-12)
    np.testing.assert_allclose(est.layer_params_[0]["centre"], whole.centre, rtol=1e-12)


def test_float32_numbers_do_not_drift_over_many_calls():
    X, y = data("regression", n=150, dtype=np.float32)
    est = estimator("regression", feature_scaling="standard", hidden_layer_sizes=())
    for i in range(150):
        est.partial_fit(X[i : i + 1], y[i : i + 1])
    whole = measured("standard", X)
    np.testing.assert_array_equal(est.layer_params_[0]["centre"], whole.centre.astype(np.float32))


@each_scaling
def test_warm_start_keeps_the_numbers(name):
    X, y = data("regression")
    est = estimator("regression", feature_scaling=name, warm_start=True).fit(X, y)
    numbers = copy.deepcopy(est.layer_params_[0])
    est.fit(10 * X[:30] + 5, y[:30])
    assert same(est.layer_params_[0], numbers)
    est.set_params(warm_start=False).fit(10 * X, y)
    assert not same(est.layer_params_[0], numbers)


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize("name", [*SCALINGS, StandardScaler()], ids=str)
def test_fits_of_one_epoch_are_one_fit(name, average):
    X, y = data("multiclass")
    params = {"feature_scaling": name, "batch_size": 25, "average": average}
    whole = estimator("multiclass", max_iter=4, **params).fit(X, y)
    parts = estimator("multiclass", max_iter=1, warm_start=True, **params)
    for _ in range(4):
        parts = pickle.loads(pickle.dumps(parts.fit(X, y)))
    assert same(trained(parts), trained(whole))
    assert same(outputs(parts, X), outputs(whole, X))


@each_kind
@each_scaling
def test_dense_and_sparse_rows_may_follow_each_other(name, kind):
    first, y = data("regression", kind)
    then = first.toarray() if kind == "sparse" else sp.csr_array(first)
    alike, other = (estimator("regression", feature_scaling=name).fit(first, y) for _ in range(2))
    np.testing.assert_allclose(alike.predict(then), alike.predict(first), rtol=1e-12)
    alike.partial_fit(first, y)
    other.partial_fit(then, y)
    moved = kind == "dense" and name != "maxabs"
    assert other.layer_params_[0]["centre"].any() == moved
    if not moved or name == "maxabs":
        assert_close(trained(other), trained(alike))


@each_scaling
def test_sparse_rows_reach_the_first_dense_layer_as_they_are(name, monkeypatch):
    X, y = data("multiclass", "sparse")
    seen, product = [], dense.product

    def watching(x, *args):
        seen.append(x)
        return product(x, *args)

    monkeypatch.setattr(dense, "product", watching)
    est = estimator("multiclass", feature_scaling=name, batch_size=25)
    est.fit(X, y).partial_fit(X, y).predict(X)
    first = [x for x in seen if x.shape[1] == X.shape[1]]
    assert len(first) == 13
    assert all(sp.issparse(x) and x.nnz <= X.nnz for x in first)


@pytest.mark.parametrize("name", SCALINGS)
@each_kind
def test_prediction_in_chunks_is_prediction_at_once(name, kind, monkeypatch):
    X, y = data("multiclass", kind, n=100)
    est = estimator("multiclass", feature_scaling=name).fit(X, y)
    at_once = est.predict_proba(X)
    with monkeypatch.context() as patch:
        patch.setattr(inference, "CHUNK", 7 * 7)
        np.testing.assert_allclose(est.predict_proba(X), at_once, rtol=1e-12)
        one_by_one = np.vstack([est.predict_proba(X[i : i + 1]) for i in range(10)])
    np.testing.assert_allclose(one_by_one, at_once[:10], rtol=1e-12)


def test_fit_makes_no_copy_of_X():
    X = np.random.RandomState(0).normal(size=(50_000, 100))
    y = X[:, 0]
    for name in SCALINGS:
        est = estimator("regression", feature_scaling=name, early_stopping=True, max_iter=1)
        tracemalloc.start()
        est.fit(X, y)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert used < 0.25 * X.nbytes, name


# -- extremes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "size"), [("f8", 1e300), ("f8", 1e-300), ("f4", 1e30), ("f4", 1e-37)]
)
@each_kind
@each_scaling
def test_features_of_any_size_are_learnt(name, kind, dtype, size):
    X, y = problem("regression", n=200)
    X = as_kind((X * size).astype(dtype), kind)
    params = {"hidden_layer_sizes": (10,), "max_iter": 200, "learning_rate_init": 0.02}
    est = estimator("regression", feature_scaling=name, **params)
    if kind == "sparse":
        y = X.toarray()[:, 0].astype(float) / size
    est.fit(X, y)
    assert est.score(X, y) > 0.9
    assert np.isfinite(est.predict(X)).all()


@each_scaling
def test_one_row_and_constant_features_train(name):
    X, y = data("regression")
    X[:, 2] = 0.1
    for part in (slice(0, 1), slice(0, 60)):
        est = estimator("regression", feature_scaling=name).fit(X[part], y[part])
        assert np.isfinite(est.predict(X + 1)).all()
        assert np.isfinite(est.predict(np.full((1, 4), 1e300))).all()
        assert np.isfinite(est.partial_fit(X, y).predict(X)).all()


@each_scaling
def test_training_data_are_left_alone(name):
    X, y = data("multiclass")
    kept = X.copy()
    X.flags.writeable = False
    for transformer in (name, StandardScaler(copy=False)):
        est = estimator("multiclass", feature_scaling=transformer)
        est.fit(X, y).partial_fit(X, y)
        est.predict(X)
    assert same(X, kept)


# -- transformers ------------------------------------------------------------------------


class InPlace(TransformerMixin, BaseEstimator):
    """A transformer that writes over its input if it can."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        X *= 2
        return X


class Fixed:
    """A transformer of no library: it has fit and transform, and nothing else."""

    def __init__(self, function):
        self.function = function

    def fit(self, X):
        self.seen = X.shape
        return self

    def transform(self, X):
        return self.function(X)


def test_transformer_of_the_user_is_copied():
    X, y = data("multiclass")
    given = StandardScaler(with_std=False)
    est = estimator("multiclass", feature_scaling=given).fit(X, y)
    assert est.feature_scaling is given
    assert not hasattr(given, "mean_")
    assert not est.feature_scaler_.with_std
    np.testing.assert_allclose(est.feature_scaler_.mean_, X.mean(axis=0))


def test_transformer_cannot_write_to_the_data():
    X, y = data("multiclass")
    kept = X.copy()
    with pytest.raises(ValueError, match="read-only"):
        estimator("multiclass", feature_scaling=InPlace()).fit(X, y)
    assert same(X, kept)


def test_transformer_of_no_library_is_taken():
    X, y = data("multiclass")
    given = Fixed(lambda X: X[:, :2] / 10)
    est = estimator("multiclass", feature_scaling=given).fit(X, y)
    expected = estimator("multiclass").fit(X[:, :2] / 10, y)
    assert same(trained(est), trained(expected))
    est.partial_fit(X, y)
    assert same(outputs(est, X), outputs(expected.partial_fit(X[:, :2] / 10, y), X[:, :2] / 10))
    assert est.feature_scaler_.seen == X.shape


@pytest.mark.parametrize(
    "transformer",
    [PCA(2, random_state=0), QuantileTransformer(n_quantiles=10), FunctionTransformer(np.arcsinh)],
    ids=str,
)
@in_one_case(dtype=[np.float32, np.float64])
def test_any_transformer_may_change_the_columns(transformer, dtype):
    X, y = data("multiclass", dtype=dtype)
    est = estimator("multiclass", feature_scaling=transformer).fit(X, y)
    assert est.n_features_in_ == 4
    assert est.coefs_[0].shape[0] == transformer.fit_transform(X).shape[1]
    assert est.predict_proba(X).dtype == dtype
    assert same(outputs(pickle.loads(pickle.dumps(est)), X), outputs(est, X))
    est.partial_fit(X, y)


def test_warm_start_keeps_the_fitted_transformer():
    X, y = data("multiclass")
    est = estimator("multiclass", feature_scaling=StandardScaler(), warm_start=True).fit(X, y)
    mean = est.feature_scaler_.mean_.copy()
    est.fit(X + 100, y)
    assert same(est.feature_scaler_.mean_, mean)


def test_other_scaling_forgets_the_transformer():
    X, y = data("multiclass")
    est = estimator("multiclass", feature_scaling=StandardScaler()).fit(X, y)
    est.set_params(feature_scaling="standard").fit(X, y)
    assert not hasattr(est, "feature_scaler_")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda X: X[:5], "made 5 row"),
        (lambda X: np.full(X.shape, np.nan), "the output of feature_scaling contains NaN"),
        (lambda X: X[:, 0], "Expected 2D array"),
    ],
)
def test_output_of_a_transformer_is_checked(function, message):
    X, y = data("multiclass")
    est = estimator("multiclass", feature_scaling=Fixed(function))
    with unchanged(est, X), pytest.raises(ValueError, match=message):
        est.fit(X, y)


def test_scaler_that_cannot_take_sparse_rows_says_so():
    X, y = data("multiclass", "sparse")
    with pytest.raises(ValueError, match="with_mean=False"):
        estimator("multiclass", feature_scaling=StandardScaler()).fit(X, y)


def test_refused_call_leaves_the_transformer_alone():
    X, y = data("multiclass")
    est = estimator("multiclass", feature_scaling=StandardScaler()).fit(X, y)
    before = pickle.dumps(est.feature_scaler_)
    with pytest.raises(ValueError, match="classes not in"):
        est.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match="non-finite"):
        est.set_params(learning_rate_init=1e300, batch_size=5).partial_fit(X, y)
    assert pickle.dumps(est.feature_scaler_) == before


# -- parameters --------------------------------------------------------------------------


def test_parameters_of_a_transformer_are_parameters():
    est = MLPClassifier(feature_scaling=StandardScaler())
    assert est.get_params()["feature_scaling__with_mean"] is True
    est.set_params(feature_scaling__with_mean=False)
    assert not est.feature_scaling.with_mean
    assert clone(est).feature_scaling is not est.feature_scaling
    assert not clone(est).feature_scaling.with_mean
    assert "StandardScaler(with_mean=False)" in repr(est)


def test_grid_search_over_the_ways_of_scaling():
    X, y = data("multiclass", n=100)
    ways = [None, *SCALINGS, StandardScaler(), RobustScaler()]
    search = GridSearchCV(
        estimator("multiclass", max_iter=40, learning_rate_init=0.05),
        [
            {"feature_scaling": ways},
            {"feature_scaling": [PCA()], "feature_scaling__whiten": [True]},
        ],
        cv=2,
        error_score="raise",
    ).fit(X, y)
    assert search.best_score_ > 0.7
    assert search.best_params_["feature_scaling"] is not None


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_clone_is_unfitted(cls):
    X, y = data("multiclass" if cls is MLPClassifier else "regression")
    for way in ("smooth_clip", StandardScaler()):
        copied = clone(cls(feature_scaling=way, max_iter=1).fit(X, y))
        assert set(vars(copied)) == set(copied.get_params(deep=False))
        with pytest.raises(NotFittedError):
            copied.predict(X)


@pytest.mark.parametrize("how", ["warm start", "partial_fit"])
@pytest.mark.parametrize(
    ("fitted", "then"),
    [
        (None, "standard"),
        ("standard", None),
        ("robust", "smooth_clip"),
        ("maxabs", StandardScaler()),
        (StandardScaler(), "standard"),
        (StandardScaler(), RobustScaler()),
    ],
)
def test_fitted_network_keeps_its_scaling(fitted, then, how):
    X, y = data("regression")
    est = estimator("regression", feature_scaling=fitted, warm_start=True).fit(X, y)
    est.set_params(feature_scaling=then)
    call = est.fit if how == "warm start" else est.partial_fit
    with unchanged(est, X), pytest.raises(ValueError, match="feature_scaling="):
        call(X, y)


# -- saved estimators --------------------------------------------------------------------


@pytest.mark.parametrize("name", [*SCALINGS, StandardScaler()], ids=str)
def test_saved_estimator_goes_on_to_the_same_bits(name):
    X, y = data("multiclass")
    est = first_partial_fit(estimator("multiclass", feature_scaling=name), X[:40], y[:40])
    loaded = pickle.loads(pickle.dumps(est))
    assert same(outputs(loaded, X), outputs(est, X))
    for one in (est, loaded):
        one.partial_fit(X[40:], y[40:])
    assert same(trained(loaded), trained(est))
    assert same(loaded.layer_params_, est.layer_params_)


def statistics(**changes):
    """Return a function that changes saved statistics."""
    return lambda state: state["_feature_statistics"].update(changes)


TAMPERED = {
    "none": lambda state: state.update(_feature_statistics=None),
    "absent": lambda state: state.pop("_feature_statistics"),
    "no mean": lambda state: state["_feature_statistics"].pop("mean"),
    "another name": statistics(median=np.zeros(4)),
    "NaN": statistics(mean=np.full(4, np.nan)),
    "too short": statistics(deviation=np.ones(3)),
    "single precision": statistics(mean=np.zeros(4, np.float32)),
    "a list": statistics(mean=[0.0] * 4),
    "no weight": statistics(total=0.0),
    "infinite weight": statistics(total=np.inf),
    "weight as text": statistics(total="60"),
    "other way": lambda state: state["_architecture"].update(feature_scaling="robust"),
    "unknown way": lambda state: state["_architecture"].update(feature_scaling="magic"),
    "no way": lambda state: state["_architecture"].update(feature_scaling=None),
    "a transformer": lambda state: state["_architecture"].update(feature_scaling="transformer"),
    "no scale": lambda state: state["layer_params_"][0].pop("scale"),
    "infinite scale": lambda state: state["layer_params_"][0].update(scale=np.full(4, np.inf)),
}


@pytest.mark.parametrize("change", TAMPERED)
def test_damaged_statistics_are_refused(change):
    X, y = data("multiclass")
    est = estimator("multiclass", feature_scaling="standard").fit(X, y)
    state = copy.deepcopy(est.__getstate__())
    TAMPERED[change](state)
    with pytest.raises(ValueError):  # noqa: PT011
        MLPClassifier.__new__(MLPClassifier).__setstate__(state)


def test_lost_transformer_is_missed():
    X, y = data("multiclass")
    state = estimator("multiclass", feature_scaling=StandardScaler()).fit(X, y).__getstate__()
    del state["feature_scaler_"]
    with pytest.raises(ValueError, match="lacks the transformer"):
        MLPClassifier.__new__(MLPClassifier).__setstate__(state)


# -- scikit-learn ------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "est",
    [
        MLPClassifier(**QUICK, feature_scaling="standard"),
        MLPRegressor(**QUICK, feature_scaling="standard"),
        MLPClassifier(**QUICK, feature_scaling="smooth_clip"),
        MLPRegressor(**QUICK, feature_scaling="robust"),
        MLPClassifier(**QUICK, feature_scaling=StandardScaler(with_mean=False)),
    ],
    ids=repr,
)
def test_checks(est):
    assert_checks(est)
