"""The group penalty on input features: the prox is the argmin, whole features drop out."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, in_one_case
from references import GroupL1 as Textbook
from sklearn.datasets import make_classification
from sklearn.linear_model import ElasticNet, MultiTaskLasso

from skmlp import MLPClassifier, MLPRegressor
from skmlp._arena import BLOCK
from skmlp.optimizers import OPTIMIZERS
from skmlp.penalties import GroupL1, Weight

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

#: Others know the sign of the gradient alone, not the size that the penalty is weighed against.
SOLVERS = [name for name, kind in OPTIMIZERS.items() if kind.proportional]

both_dtypes = in_one_case(dtype=DTYPES)

#: How the rates of one row differ: equal, as of Adam, and by many orders of magnitude.
SPREADS = {"equal": 0.0, "adam": 1.0, "wide": 4.0}


def shrunk(w, rates, strength, *, before=3):
    """Return the rows that a projection with λ = strength leaves; others come before them."""
    flat = np.concatenate([np.full(before, 7, w.dtype), w.ravel()])
    metric = np.concatenate([np.full(before, np.nan, w.dtype), rates.ravel()])
    values = flat[before:].reshape(w.shape)
    weight = Weight(values, slice(before, before + w.size))
    penalty = GroupL1(strength / np.sqrt(w.shape[1]))
    penalty.bind([weight])
    with np.errstate(all="ignore"):
        penalty.project([weight], lambda part, out: np.copyto(out, metric[part]), 1.0)
    assert (flat[:before] == 7).all()
    return values


def draw(shape, spread, dtype=np.float64, seed=0):
    """Return rows and their rates."""
    rng = np.random.RandomState(seed)
    rates = np.exp(SPREADS[spread] * rng.normal(size=shape)) * 0.1
    return rng.normal(size=shape).astype(dtype), rates.astype(dtype)


# -- the prox --------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [0.05, 1.0, 3.0, 30.0])
@pytest.mark.parametrize("spread", SPREADS)
def test_prox_is_the_argmin_on_a_grid(spread, strength):
    """Of ½ Σ (x - w)² / d + λ ‖x‖ over the plane."""
    w, d = draw((6, 2), spread)
    found = shrunk(w, d, strength)
    for row, start, rate in zip(found, w, d, strict=True):
        axes = [np.linspace(-0.05, 1.05, 441) * s for s in start]
        x = np.stack(np.meshgrid(*axes), axis=-1)
        values = ((x - start) ** 2 / rate).sum(axis=-1) / 2 + strength * np.linalg.norm(x, axis=-1)
        best = x.reshape(-1, 2)[values.argmin()]
        np.testing.assert_allclose(row, best, atol=5e-3 * np.abs(start).max())
        at_row = ((row - start) ** 2 / rate).sum() / 2 + strength * np.linalg.norm(row)
        assert at_row <= values.min() + 1e-12


@in_one_case(strength=[1e-6, 0.3, 4.0, 20.0], width=[1, 2, 30, 513])
@pytest.mark.parametrize("spread", SPREADS)
@both_dtypes
def test_prox_is_the_textbook_one(spread, width, strength, dtype):
    w, d = draw((40, width), spread, dtype)
    w[7] = 0
    found = shrunk(w, d, strength * np.sqrt(width))
    textbook = Textbook(strength)
    (expected,) = textbook.after([w.astype(float)], [d.astype(float)], 1.0)
    assert found.dtype == dtype
    assert np.array_equal(found == 0, expected == 0)
    rounding = 1e-4 if dtype == np.float32 else 1e-11
    np.testing.assert_allclose(found, expected, rtol=rounding, atol=0)


@pytest.mark.parametrize("spread", SPREADS)
def test_rows_are_zero_exactly_where_the_slope_is_no_larger_than_the_strength(spread):
    """Zero is the minimum where ‖w / d‖ <= λ; a hair above it is not."""
    w, d = draw((200, 5), spread)
    slope = np.linalg.norm(w / d, axis=1, keepdims=True)
    assert not shrunk(w / slope * (1 - 1e-12), d, 1.0).any()
    assert shrunk(w / slope * (1 + 1e-9), d, 1.0).all()


def test_one_rate_for_all_scales_each_row():
    """x = w max(0, 1 - λ d / ‖w‖)."""
    w, _ = draw((50, 8), "equal")
    norms = np.linalg.norm(w, axis=1, keepdims=True)
    expected = w * np.maximum(0, 1 - 2.5 / norms)
    assert 0 < np.mean(expected == 0) < 1
    np.testing.assert_allclose(shrunk(w, np.full_like(w, 0.5), 5.0), expected, atol=1e-14)


def test_rows_of_one_weight_have_the_soft_threshold():
    w, d = draw((500, 1), "wide")
    expected = np.sign(w) * np.maximum(np.abs(w) - 2 * d, 0)
    np.testing.assert_allclose(shrunk(w, d, 2.0), expected, rtol=1e-13)


@both_dtypes
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_blocks_of_rows_give_the_same_as_rows_alone(rows, dtype):
    """Rows that fill a block, one more, and rows longer than a block."""
    for width in (BLOCK // 2, BLOCK + 1):
        w, d = draw((rows, width), "adam", dtype)
        together = shrunk(w, d, 200.0)
        alone = [shrunk(w[i : i + 1], d[i : i + 1], 200.0)[0] for i in range(rows)]
        accuracy = 1e-5 if dtype == np.float32 else 1e-12
        np.testing.assert_allclose(together, np.array(alone), rtol=accuracy)


@both_dtypes
def test_extreme_numbers_do_no_harm(dtype):
    huge, tiny = np.finfo(dtype).max / 1e4, np.finfo(dtype).tiny * 1e4
    w = np.array([[huge, 1.0], [tiny, tiny], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]], dtype)
    d = np.array([[1.0, 1e-20], [1.0, 1.0], [1e-20, 1e15], [0.0, 0.0], [0.0, 1.0]], dtype)
    found = shrunk(w, d, 0.1)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[0], [huge, 1.0], rtol=1e-5)
    assert not found[1].any()
    np.testing.assert_allclose(found[2], [1.0, 1e-14], rtol=1e-5)
    assert not found[3].any()
    assert found[4].tolist() == [1.0, 0.0]


def test_a_learning_rate_of_zero_changes_nothing():
    w, _ = draw((20, 4), "equal")
    w[3] = 0
    assert shrunk(w, np.zeros_like(w), 0.1).tobytes() == w.tobytes()


def test_what_is_not_finite_stays_so():
    """Divergence has to show."""
    for bad in (np.nan, np.inf):
        w = np.array([[bad, 1.0], [3.0, 4.0]])
        found = shrunk(w, np.full_like(w, 0.1), 10.0)
        assert not np.isfinite(found[0]).all()
        np.testing.assert_allclose(found[1], [2.4, 3.2])


def test_after_a_soft_threshold_it_is_the_prox_of_both_penalties():
    """Zero is in the subdifferential of ½ Σ (x - w)² / d + λ₁ ‖x‖₁ + λ₂ ‖x‖."""
    w, d = draw((60, 9), "adam")
    first, second = 2.0, 12.0
    soft = np.sign(w) * np.maximum(np.abs(w) - first * d, 0)
    x = shrunk(soft, d, second)
    norms = np.linalg.norm(x, axis=1, keepdims=True)
    assert 0 < np.mean(norms == 0) < 1
    assert ((x == 0) & (norms > 0)).any()
    slope = (w - x) / d
    smooth = slope - second * x / np.where(norms > 0, norms, 1)
    nonzero = x != 0
    np.testing.assert_allclose(smooth[nonzero], first * np.sign(x[nonzero]), rtol=1e-9)
    assert (np.abs(smooth[(x == 0) & (norms > 0)]) <= first).all()
    rest = np.maximum(np.abs(slope) - first, 0)[(norms == 0)[:, 0]]
    assert (np.linalg.norm(rest, axis=1) <= second * (1 + 1e-12)).all()


# -- in a model ------------------------------------------------------------------------


def classes():
    """Return data of which five features matter."""
    X, y = make_classification(
        400, 20, n_informative=5, n_redundant=0, shuffle=False, random_state=0
    )
    return X, y


def network(solver="adam", **options):
    """Return a classifier whose penalty drops features."""
    rate = {"sgd": 0.05, "lion": 0.003, "adadelta": 1.0, "adagrad": 0.1}.get(solver, 0.01)
    model = MLPClassifier((16,), solver=solver, learning_rate_init=rate, batch_size=400)
    model.set_params(input_group_l1=8.0, max_iter=400, tol=0.0, n_iter_no_change=10**9)
    return model.set_params(random_state=0, shuffle=False, **options)


def dropped(model):
    """Tell of which features all weights are zero."""
    return ~model.coefs_[0].any(axis=1)


@pytest.mark.parametrize(
    ("solver", "dtype"), list(zip(SOLVERS, itertools.cycle(["float32", "float64"]), strict=False))
)
def test_features_drop_out_with_every_optimizer(solver, dtype):
    X, y = classes()
    model = network(solver, dtype=dtype).fit(X, y)
    gone = dropped(model)
    assert gone[5:].sum() >= 8
    assert gone[:5].sum() <= 1
    assert model.score(X, y) > 0.85
    assert all(bias.any() for bias in model.intercepts_)
    other = X.copy()
    other[:, gone] = 1e6
    np.testing.assert_array_equal(model.predict_proba(other), model.predict_proba(X))


def test_weights_of_a_feature_that_stays_are_not_zero():
    model = network().fit(*classes())
    assert np.array_equal(dropped(model), (model.coefs_[0] == 0).any(axis=1))
    assert model.coefs_[1].all()


@pytest.mark.parametrize("container", [sp.csr_array, sp.csc_matrix])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_sparse_rows_give_the_same_features(solver, container):
    X, y = classes()
    X = np.where(np.abs(X) > 0.5, X, 0)
    dense = network(solver, max_iter=150).fit(X, y)
    sparse = network(solver, max_iter=150).fit(container(X), y)
    assert 0 < dropped(dense).sum() < 20
    assert np.array_equal(dropped(dense), dropped(sparse))
    np.testing.assert_allclose(sparse.coefs_[0], dense.coefs_[0], atol=1e-9)


def test_small_batches_and_partial_fit_drop_features():
    X, y = classes()
    model = network(batch_size=50, input_group_l1=1.0, max_iter=100).fit(X, y)
    assert dropped(model)[5:].sum() >= 5
    model = network(batch_size=50, input_group_l1=1.0)
    for _ in range(100):
        model.partial_fit(X, y, classes=[0, 1])
    assert dropped(model)[5:].sum() >= 5
    assert not dropped(model)[:4].any()


def test_warm_start_keeps_features_out():
    X, y = classes()
    model = network(warm_start=True).fit(X, y)
    before = dropped(model)
    assert np.array_equal(dropped(model.set_params(max_iter=5).fit(X, y)), before)


@pytest.mark.parametrize("average", [True, 0.9])
def test_features_are_out_of_averaged_weights(average):
    assert dropped(network(average=average).fit(*classes()))[5:].sum() >= 5


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_linear_model_of_several_targets_is_the_multitask_lasso(solver):
    """½ mean ‖y - XW - b‖² + λ √k Σ ‖w‖, in scikit-learn's form λ' = λ √k / n."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(150, 12))
    y = X[:, :4] @ rng.normal(size=(4, 3)) + 0.3 * rng.normal(size=(150, 3))
    peer = MultiTaskLasso(alpha=0.3, tol=1e-12, max_iter=10**6).fit(X, y)
    model = MLPRegressor((), solver=solver, alpha=0.0, batch_size=150, shuffle=False, tol=0.0)
    model.set_params(input_group_l1=0.3 * 150 / np.sqrt(3), random_state=0, max_iter=2000)
    model.set_params(learning_rate_init=0.02, n_iter_no_change=10**9).fit(X, y)
    assert np.array_equal(dropped(model), ~peer.coef_.any(axis=0))
    assert 0 < dropped(model).sum() < 12
    np.testing.assert_allclose(model.coefs_[0], peer.coef_.T, atol=1e-6)
    np.testing.assert_allclose(model.intercepts_[0], peer.intercept_, atol=1e-6)


def test_with_one_output_it_is_the_lasso():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(150, 12))
    y = X[:, :4] @ rng.normal(size=4) + 0.3 * rng.normal(size=150)
    peer = ElasticNet(alpha=0.2, l1_ratio=1.0, tol=1e-12, max_iter=10**6).fit(X, y)
    model = MLPRegressor((), alpha=0.0, input_group_l1=0.2 * 150, batch_size=150, tol=0.0)
    model.set_params(learning_rate_init=0.02, max_iter=2000, n_iter_no_change=10**9)
    np.testing.assert_allclose(model.fit(X, y).coefs_[0][:, 0], peer.coef_, atol=1e-6)


def test_reported_loss_has_the_penalty():
    X, y = classes()
    model = network(max_iter=1, warm_start=True, alpha=0.0).fit(X, y)
    p = model.predict_proba(X)[np.arange(len(X)), y]
    omega = 8.0 * np.sqrt(16) * np.linalg.norm(model.coefs_[0], axis=1).sum() / len(X)
    expected = -np.log(p).mean() + omega
    assert model.fit(X, y).loss_curve_ == [pytest.approx(expected, rel=1e-12)]


def test_only_the_first_matrix_is_meant():
    X, y = classes()
    model = network(hidden_layer_sizes=(8, 8), input_group_l1=1e4).fit(X, y)
    assert dropped(model).all()
    assert model.coefs_[1].all()
    assert model.coefs_[2].all()


def test_the_first_matrix_follows_layers_on_the_input():
    X, y = classes()
    layers = {"batch_norm": "input", "input_dropout": 0.1, "input_noise": 0.1}
    model = network(input_group_l1=40.0, **layers).fit(X, y)
    assert 0 < dropped(model).sum() < 20
    assert model.layer_params_[0]["gamma"].all()


@pytest.mark.parametrize("solver", ["rprop", "lbfgs"])
def test_solvers_that_cannot_do_it_refuse_it_by_name(solver):
    X, y = classes()
    model = network(solver)
    with pytest.raises(ValueError, match=rf"'input_group_l1'.*solver='{solver}'.* Got 8\.0"):
        model.fit(X, y)
    assert not hasattr(model, "coefs_")
    model.set_params(input_group_l1=0.0, max_iter=2).fit(X, y)


def test_zero_changes_no_bit():
    X, y = classes()
    plain = MLPClassifier((8,), max_iter=5, random_state=0).fit(X, y)
    zero = MLPClassifier((8,), max_iter=5, random_state=0, input_group_l1=0.0).fit(X, y)
    for a, b in zip(plain.coefs_, zero.coefs_, strict=True):
        assert a.tobytes() == b.tobytes()
