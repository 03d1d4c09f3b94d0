"""Losses against the textbook and other libraries, at ordinary and extreme raw scores."""

import copy
import itertools
import pickle
import tracemalloc

import numpy as np
import pytest
import references as ref
from cases import (
    DTYPES,
    LOSS_CASES,
    WEIGHT_CASES,
    as_dtype,
    codes,
    each,
    garbage,
    in_one_case,
    loss_memory,
)
from references import central_differences

from skmlp.losses import (
    CLASSIFICATION,
    LOSSES,
    REGRESSION,
    BinaryFocal,
    BinaryLogLoss,
    ElementwiseLoss,
    Gamma,
    Gaussian,
    GroupedLoss,
    Huber,
    MaskedLoss,
    MultinomialFocal,
    MultinomialLogLoss,
    Poisson,
    Quantile,
    SquaredError,
    SquaredHinge,
    Tweedie,
)

TOLERANCE = {np.float32: 2e-6, np.float64: 1e-13}

every_loss = pytest.mark.parametrize(("name", "case"), each(LOSS_CASES))
every_weight = in_one_case(weights=WEIGHT_CASES)
both_dtypes = in_one_case(dtype=DTYPES)
elementwise = pytest.mark.parametrize(
    ("name", "case"),
    each({n: c for n, c in LOSS_CASES.items() if issubclass(LOSSES[n], ElementwiseLoss)}),
)


def meant(loss):
    """Return what is meant to happen: NaN in, and the logarithm of zero."""
    if isinstance(loss, MaskedLoss):
        return {"invalid": "ignore", **meant(loss.loss)}
    return {"divide": "ignore"} if isinstance(loss, Tweedie) else {}


def evaluate(loss, raw, y, weight=None):
    """Return value and gradient as a workspace would have them computed."""
    rows = loss_memory(loss, *raw.shape, raw.dtype)
    np.copyto(rows.out[-1], raw)
    for name, buffer in loss.buffers(raw.shape[1]).items():
        if not buffer.counting:  # no result may rest on old memory
            rows.scratch[name].fill(garbage(rows.scratch[name].dtype))
    rows.dout[-1].fill(np.nan)
    with np.errstate(over="raise", divide="raise", invalid="raise"), np.errstate(**meant(loss)):
        value = loss(rows.out[-1], y, weight, rows.dout[-1], rows.scratch)
    np.testing.assert_array_equal(rows.out[-1], raw)  # the last layer may read them again
    return value, rows.dout[-1].copy()


def draw(case, dtype=np.float64, weights="unweighted", n_rows=9):
    """Return raw scores, targets and weights that sum to one."""
    rng = np.random.RandomState(0)
    raw = rng.normal(size=(n_rows, case.n_outputs)).astype(dtype)
    y = as_dtype(case.targets(rng, n_rows, case.n_outputs), dtype)
    weight = WEIGHT_CASES[weights](rng, n_rows)
    return raw, y, None if weight is None else (weight / weight.sum()).astype(dtype)


def shares(weight, n_rows):
    """Return weights that sum to one, in float64."""
    return np.full(n_rows, 1 / n_rows) if weight is None else weight.astype(float)


def check_against(loss, value_of_rows, raw, y, weight):
    """Compare value and gradient with the textbook's value and its central differences."""
    dtype, wide, share = raw.dtype.type, raw.astype(float), shares(weight, len(raw))
    value, gradient = evaluate(loss, raw, y, weight)

    def mean():
        return float(share @ value_of_rows(y, wide))

    assert type(value) is float
    assert value == pytest.approx(mean(), rel=TOLERANCE[dtype], abs=TOLERANCE[dtype] / 10)
    numeric = central_differences(mean, wide)
    rtol, atol = (1e-5, 2e-7) if dtype == np.float32 else (1e-9, 1e-11)
    atol *= max(1.0, abs(numeric).max())
    np.testing.assert_allclose(gradient, numeric, rtol=rtol, atol=atol)


@every_weight
@both_dtypes
@every_loss
def test_value_and_gradient_are_the_textbook_ones(name, case, dtype, weights):
    check_against(case.make(name), case.value, *draw(case, dtype, weights))


@every_weight
@pytest.mark.parametrize(
    ("name", "case"), [p for p in each(LOSS_CASES) if p.values[1].peer is not None]
)
def test_value_is_that_of_another_library(name, case, weights):
    raw, y, weight = draw(case, weights=weights)
    value, _ = evaluate(case.make(name), raw, y, weight)
    predictions = case.make(name).inverse_link(raw.copy())
    assert value == pytest.approx(case.peer(y, predictions, weight), rel=1e-12)


@in_one_case(order=["C", "F"])
@both_dtypes
@every_loss
def test_inverse_link_is_the_textbook_one_in_place(name, case, dtype, order):
    raw = np.asarray(draw(case, dtype)[0], order=order)
    expected = case.inverse_link(raw.astype(float))
    found = case.make(name).inverse_link(raw)
    assert found is raw
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE[dtype])


@every_loss
def test_integer_weights_repeat_rows_and_zero_drops_them(name, case):
    raw, y, _ = draw(case)
    times = np.arange(len(raw)) % 4
    repeated = np.repeat(np.arange(len(raw)), times)
    value, gradient = evaluate(case.make(name), raw, y, times / times.sum())
    expected, parts = evaluate(case.make(name), raw[repeated], y[repeated])
    assert value == pytest.approx(expected, rel=1e-13)
    summed = np.zeros_like(gradient)
    np.add.at(summed, repeated, parts)
    np.testing.assert_allclose(gradient, summed, rtol=1e-12, atol=1e-16)


@both_dtypes
@every_loss
def test_equal_weights_are_no_weights(name, case, dtype):
    raw, y, _ = draw(case, dtype)
    plain = evaluate(case.make(name), raw, y)
    weighted = evaluate(case.make(name), raw, y, np.full(len(raw), 1 / len(raw), dtype))
    assert weighted[0] == pytest.approx(plain[0], rel=TOLERANCE[dtype])
    np.testing.assert_allclose(weighted[1], plain[1], rtol=TOLERANCE[dtype])


@every_loss
def test_order_of_rows_does_not_matter(name, case):
    raw, y, _ = draw(case)
    value, gradient = evaluate(case.make(name), raw, y)
    turned, turned_gradient = evaluate(case.make(name), raw[::-1], y[::-1])
    assert turned == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(turned_gradient[::-1], gradient, rtol=1e-14)


@every_loss
def test_one_row_is_enough(name, case):
    raw, y, _ = draw(case)
    value, _ = evaluate(case.make(name), raw[:1], y[:1])
    assert value == pytest.approx(float(case.value(y[:1], raw[:1])[0]), rel=1e-13)


@pytest.mark.parametrize("name", ["poisson", "gamma"])
def test_domain_ends_where_the_textbook_does(name):
    case, domain = LOSS_CASES[name]["3_outputs"], LOSSES[name]().domain
    raw, y, _ = draw(case)
    lowest = np.full_like(y, domain.low)
    with np.errstate(all="ignore"):
        assert np.isnan(case.value(lowest - 1, raw)).all()
        assert np.isfinite(case.value(lowest, raw)).all() == domain.accepts(domain.low)
    y = lowest if domain.accepts(domain.low) else np.full_like(y, 1e-30)
    value, gradient = evaluate(LOSSES[name](), raw, y)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("power", "below", "zero"),
    [
        (-1.0, True, True),
        (0.0, True, True),
        (1.0, False, True),
        (1.5, False, True),
        (2.0, False, False),
        (3.0, False, False),
    ],
)
def test_domain_of_tweedie_depends_on_its_power(power, below, zero):
    domain = Tweedie(power).domain
    assert (domain.accepts(-1.0), domain.accepts(0.0), domain.accepts(1e-300)) == (
        below,
        zero,
        True,
    )


# -- extreme raw scores: the limits are exact ----------------------------------------

HUGE = [1e3, 1e30]


@in_one_case(z=[sign * z for sign in (1, -1) for z in [*HUGE, 1e38]])
@in_one_case(y=[0.0, 1.0])
@both_dtypes
def test_binary_log_loss_of_extreme_scores(dtype, y, z):
    raw = np.full((3, 1), z, dtype)
    value, gradient = evaluate(BinaryLogLoss(), raw, np.full((3, 1), y, dtype))
    assert value == pytest.approx(max(z, 0) - y * z, rel=1e-6)
    np.testing.assert_allclose(gradient * 3, float(z > 0) - y, rtol=1e-6)
    np.testing.assert_array_equal(BinaryLogLoss().inverse_link(raw), float(z > 0))


@in_one_case(z=[-40.0, -20.0, 20.0, 36.5, 40.0])
@in_one_case(y=[0.0, 1.0])
def test_binary_log_loss_of_large_scores_keeps_its_small_terms(y, z):
    value, _ = evaluate(BinaryLogLoss(), np.array([[z]]), np.array([[y]]))
    wrong = -z if y else z
    expected = np.log1p(np.exp(wrong)) if wrong < 30 else wrong
    assert value == pytest.approx(expected, rel=1e-14)


@in_one_case(z=HUGE)
@both_dtypes
def test_multinomial_log_loss_of_extreme_scores(dtype, z):
    raw = (z * np.array([[1, -1, 0.5], [-0.5, 1, -1], [-1, -1, 1]])).astype(dtype)
    y = np.array([0, 0, 1], np.intp)
    value, gradient = evaluate(MultinomialLogLoss(), raw, y)
    assert value == pytest.approx((0 + 1.5 + 2) * z / 3, rel=1e-6)
    expected = np.array([[0, 0, 0], [-1, 1, 0], [0, -1, 1]])
    np.testing.assert_allclose(gradient * 3, expected, rtol=1e-6, atol=1e-200)
    probabilities = MultinomialLogLoss().inverse_link(raw)
    np.testing.assert_allclose(probabilities, np.eye(3), rtol=1e-6, atol=1e-200)


@in_one_case(z=[-1e30, -1e3, 0.0, 1e3, 1e30])
@both_dtypes
def test_multinomial_log_loss_of_a_tie_is_the_log_of_the_classes(dtype, z):
    value, gradient = evaluate(
        MultinomialLogLoss(), np.full((2, 4), z, dtype), np.array([1, 3], np.intp)
    )
    assert value == pytest.approx(np.log(4), rel=1e-6)
    expected = (0.25 - np.eye(4)[[1, 3]]) / 2
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


@in_one_case(z=[-1e3, -1e30])
@both_dtypes
def test_poisson_of_a_mean_that_underflows(dtype, z):
    raw = np.full((2, 1), z, dtype)
    value, gradient = evaluate(Poisson(), raw, np.zeros((2, 1), dtype))
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)
    value, gradient = evaluate(Poisson(), raw, np.full((2, 1), 2, dtype))
    assert value == pytest.approx(-2.0 * z + 2 * np.log(2) - 2, rel=1e-6)
    np.testing.assert_array_equal(gradient * 2, -2)


@in_one_case(z=[80.0, 88.8, 800.0, 1e30])
@both_dtypes
def test_poisson_mean_is_never_infinite(dtype, z):
    with np.errstate(over="raise"):
        mean = Poisson().inverse_link(np.full((1, 2), z, dtype))
    info = np.finfo(dtype)
    expected = min(np.exp(min(z, 709.0)), float(info.max))
    assert np.isfinite(mean).all()
    np.testing.assert_allclose(mean, expected if z < 709 else info.max, rtol=1e-4)


@pytest.mark.parametrize("kind", [kind for kind in REGRESSION.values() if kind is not Gaussian])
def test_perfect_prediction_costs_nothing(kind):
    y = np.array([[0.5, 2.0], [7.0, 1.0]])
    raw = np.log(y) if kind().link == "exp" else y
    value, gradient = evaluate(kind(), raw, y)
    assert value == pytest.approx(0, abs=1e-15)
    np.testing.assert_allclose(gradient, 0, atol=1e-15)


EXTREME = [-1e4, -90.0, -44.4, -30.0, 30.0, 44.4, 90.0, 1e4]


@in_one_case(z=EXTREME)
@both_dtypes
@pytest.mark.parametrize(
    ("name", "case"), [p for p in each(LOSS_CASES) if p.values[0] != "poisson"]
)
def test_loss_of_extreme_scores_is_finite_and_leads_back(name, case, dtype, z):
    rng = np.random.RandomState(0)
    raw = (z * rng.choice([1, -1, 0.5], (9, case.n_outputs))).astype(dtype)
    y = as_dtype(case.targets(rng, 9, case.n_outputs), dtype)
    with np.errstate(under="ignore"):
        value, gradient = evaluate(case.make(name), raw, y)
        back, _ = evaluate(case.make(name), (raw - np.sign(gradient) * abs(raw) / 8), y)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert back <= value
    predictions = case.make(name).inverse_link(raw.copy())
    assert np.isfinite(predictions).all()


@in_one_case(y=[0.0, 1e-3, 1.0, 1e3])
@in_one_case(power=[-1.0, 0.0, 1.0, 1.3, 1.5, 1.99, 2.0, 2.5, 3.0])
@both_dtypes
def test_tweedie_goes_on_along_its_tangent(dtype, power, y):
    loss = Tweedie(power)
    if not loss.domain.accepts(y):
        y = 1.0
    for sign in (1, -1):
        reach = sign * loss.reach(np.dtype(dtype))
        points = np.array([[reach], [reach + sign], [2 * reach]], dtype)
        each_row = [evaluate(loss, z[np.newaxis], np.full((1, 1), y, dtype)) for z in points]
        (edge, slope), *beyond = [(value, float(grad[0, 0])) for value, grad in each_row]
        for z, (value, gradient) in zip(points[1:, 0], beyond, strict=True):
            assert gradient == pytest.approx(slope, rel=1e-5)
            assert value == pytest.approx(edge + slope * (z - reach), rel=1e-4)


@pytest.mark.parametrize(("power", "other"), [(1.0, Poisson()), (2.0, Gamma())])
def test_tweedie_has_poisson_and_gamma_as_limits(power, other):
    rng = np.random.RandomState(0)
    raw, y = rng.normal(size=(9, 2)), rng.gamma(2, size=(9, 2))
    expected = evaluate(other, raw, y)
    for shift, rel in ((0.0, 1e-13), (1e-7, 1e-6)):
        value, gradient = evaluate(Tweedie(power + shift), raw, y)
        assert value == pytest.approx(expected[0], rel=rel)
        np.testing.assert_allclose(gradient, expected[1], rtol=rel, atol=1e-15)


@pytest.mark.parametrize(("plain", "other"), [(BinaryLogLoss(), BinaryFocal(0)), (1, 1)])
def test_focal_loss_with_gamma_zero_is_the_log_loss(plain, other):
    rng = np.random.RandomState(0)
    raw = rng.normal(size=(9, 4)) * 5
    y = rng.randint(0, 2, (9, 4)).astype(float)
    if plain == 1:
        plain, other, y = MultinomialLogLoss(), MultinomialFocal(0), codes(rng, 9, 4)
    expected = evaluate(plain, raw, y)
    value, gradient = evaluate(other, raw, y)
    assert value == pytest.approx(expected[0], rel=1e-13)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-12, atol=1e-15)


@both_dtypes
@in_one_case(focal_gamma=[0.0, 0.5, 1.0, 2.0, 5.0])
def test_focal_loss_of_a_row_that_is_certainly_right_vanishes(focal_gamma, dtype):
    raw = np.array([[1000.0, 0.0, -1000.0]], dtype)
    with np.errstate(under="ignore"):
        value, gradient = evaluate(MultinomialFocal(focal_gamma), raw, np.array([0], np.intp))
    assert 0 <= value < 1e-15
    np.testing.assert_allclose(gradient, 0, atol=1e-15)


def test_smoothed_log_loss_of_two_classes_is_the_same_with_one_score_and_with_two():
    rng = np.random.RandomState(0)
    z, y = rng.normal(size=(9, 1)), rng.randint(0, 2, 9)
    one, slope = evaluate(BinaryLogLoss(0.3), z, y[:, None].astype(float))
    two, slopes = evaluate(MultinomialLogLoss(0.3), np.hstack([np.zeros_like(z), z]), y)
    assert one == pytest.approx(two, rel=1e-13)
    np.testing.assert_allclose(slope[:, 0], slopes[:, 1], rtol=1e-12)


def test_huber_meets_its_branches():
    loss, y = Huber(0.5), np.zeros((1, 1))
    for r in (0.5, 0.5 - 1e-9, 0.5 + 1e-9, -0.5):
        value, gradient = evaluate(loss, np.array([[r]]), y)
        assert value == pytest.approx(0.125, rel=1e-8)
        assert gradient[0, 0] == pytest.approx(np.sign(r) * 0.5, rel=1e-8)


def test_squared_hinge_leaves_out_what_is_beyond_the_margin():
    value, gradient = evaluate(SquaredHinge(), np.array([[1.5, -1.0]]), np.array([[1.0, 0.0]]))
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


# -- quantiles -----------------------------------------------------------------------


@both_dtypes
@in_one_case(order=["C", "F"])
@in_one_case(scale=[1e-3, 1.0, 100.0, 1e4, 1e30])
def test_quantiles_never_cross(dtype, order, scale):
    raw = np.random.RandomState(0).normal(size=(500, 10)) * scale
    quantiles = Quantile([0.1, 0.2, 0.5, 0.8, 0.9]).inverse_link(raw.astype(dtype, order=order))
    assert np.isfinite(quantiles).all()
    levels = np.split(quantiles, 5, axis=1)
    assert all((low <= high).all() for low, high in itertools.pairwise(levels))


def test_one_level_is_the_same_alone_and_in_a_list():
    raw, y, _ = draw(LOSS_CASES["quantile"]["3_outputs"])
    alone, listed = evaluate(Quantile(0.3), raw, y), evaluate(Quantile([0.3]), raw, y)
    assert alone[0] == listed[0]
    np.testing.assert_array_equal(alone[1], listed[1])


# -- missing targets -----------------------------------------------------------------


def masked(y, seed=0):
    """Return targets with some missing: a whole row, and others here and there."""
    missing = np.random.RandomState(seed).rand(*y.shape) < 0.3
    missing[1], missing[0] = True, False
    return np.where(missing, np.nan, y), missing


@every_weight
@both_dtypes
@elementwise
def test_missing_targets_are_left_out(name, case, dtype, weights):
    raw, y, weight = draw(case, dtype, weights)
    holes, missing = masked(y)
    scores = case.n_outputs // y.shape[1]

    def value_of_rows(_, z):
        """Sum the textbook's loss of each target alone, where it is known."""
        total = np.zeros(len(z))
        for j in range(y.shape[1]):
            alone = case.value(y[:, [j]], z[:, j :: y.shape[1]])
            total += np.where(missing[:, j], 0, alone)
        return total

    assert raw[:, 0 :: y.shape[1]].shape[1] == scores
    check_against(case.make(name).masked(), value_of_rows, raw, holes, weight)


@both_dtypes
@elementwise
def test_masked_loss_of_known_targets_is_the_plain_one(name, case, dtype):
    raw, y, weight = draw(case, dtype, "weighted")
    plain = evaluate(case.make(name), raw, y, weight)
    loss = case.make(name).masked()
    value, gradient = evaluate(loss, raw, y, weight)
    assert value == plain[0]
    np.testing.assert_array_equal(gradient, plain[1])
    assert loss.masked() is loss


@elementwise
def test_masked_loss_has_the_link_of_the_loss(name, case):
    loss = case.make(name)
    raw, _, _ = draw(case)
    expected = loss.inverse_link(raw.copy())
    np.testing.assert_array_equal(loss.masked().inverse_link(raw.copy()), expected)
    assert loss.masked().link == loss.link
    assert loss.masked().n_raw(4) == loss.n_raw(4)
    assert str(loss.masked().domain) == str(loss.domain)


@pytest.mark.parametrize("loss", [MultinomialLogLoss(), MultinomialFocal()])
def test_class_codes_cannot_be_missing(loss):
    with pytest.raises(ValueError, match=f"NaN.*{type(loss).__name__}"):
        loss.masked()


# -- groups of scores ----------------------------------------------------------------


@every_weight
@both_dtypes
@in_one_case(widths=[[3], [2, 4], [1, 3, 2]])
@pytest.mark.parametrize(
    ("loss", "value"),
    [
        (MultinomialLogLoss(), ref.multinomial_log_loss),
        (MultinomialLogLoss(0.2), lambda y, z: ref.multinomial_log_loss(y, z, 0.2)),
        (MultinomialFocal(), ref.multinomial_focal),
    ],
)
def test_groups_are_summed(loss, value, widths, dtype, weights):
    rng = np.random.RandomState(0)
    raw = rng.normal(size=(9, sum(widths))).astype(dtype)
    y = np.stack([codes(rng, 9, k) for k in widths], axis=1)
    weight = WEIGHT_CASES[weights](rng, 9)
    weight = None if weight is None else (weight / weight.sum()).astype(dtype)
    ends = np.cumsum(widths)[:-1]

    def value_of_rows(y, z):
        parts = zip(y.T, np.split(z, ends, axis=1), strict=True)
        return sum(value(column, part) for column, part in parts)

    grouped = GroupedLoss(loss, widths)
    check_against(grouped, value_of_rows, raw, y, weight)
    expected = np.hstack([ref.softmax(part) for part in np.split(raw.astype(float), ends, axis=1)])
    found = grouped.inverse_link(raw.copy())
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE[dtype])
    assert grouped.n_raw(len(widths)) == sum(widths)


# -- memory --------------------------------------------------------------------------


def peak(loss, y, n_outputs):
    """Return the bytes that a call takes at a time."""
    rows = loss_memory(loss, len(y), n_outputs, np.float64)
    rows.out[-1][:] = np.random.RandomState(0).normal(size=rows.out[-1].shape)
    weight = np.full(len(y), 1 / len(y))
    with np.errstate(all="ignore"):
        loss(rows.out[-1], y, weight, rows.dout[-1], rows.scratch)
        tracemalloc.start()
        try:
            loss(rows.out[-1], y, weight, rows.dout[-1], rows.scratch)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def with_masked():
    """Return the last case of each loss, and the same with missing targets where it takes them."""
    for name, members in LOSS_CASES.items():
        case = list(members.values())[-1]
        yield pytest.param(case.make(name), case.targets, case.n_outputs, id=name)
        if issubclass(LOSSES[name], ElementwiseLoss):
            targets = lambda *a, make=case.targets: masked(make(*a))[0]
            masks = case.make(name).masked()
            yield pytest.param(masks, targets, case.n_outputs, id=f"masked_{name}")
    grouped = GroupedLoss(MultinomialLogLoss(0.1), [3, 2])
    yield pytest.param(grouped, lambda rng, n, k: rng.randint(0, 2, (n, 2)), 5, id="grouped")


@pytest.mark.parametrize(("loss", "targets", "n_outputs"), list(with_masked()))
def test_call_allocates_nothing_that_grows_with_the_rows(loss, targets, n_outputs):
    rng = np.random.RandomState(0)
    few, many = (peak(loss, targets(rng, n, n_outputs), n_outputs) for n in (10_000, 100_000))
    assert many <= few + 2**10
    assert many < 3 * 8 * np.getbufsize() + 2**13


# -- losses as objects ---------------------------------------------------------------


@every_loss
def test_loss_is_shown_as_the_call_that_makes_it(name, case):
    loss = case.make(name)
    made = eval(repr(loss), {type(loss).__name__: type(loss)})  # noqa: S307 - our own text
    assert vars(made) == vars(loss)


@every_loss
def test_losses_survive_copies_and_pickles(name, case):
    loss = case.make(name)
    raw, y, _ = draw(case)
    expected, gradient = evaluate(loss, raw, y)
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        value, found = evaluate(other, raw, y)
        assert value == expected
        np.testing.assert_array_equal(found, gradient)
        assert vars(other) == vars(loss)


@every_loss
def test_raw_scores_of_the_targets_are_as_many_as_declared(name, case):
    y, loss = draw(case)[1], case.make(name)
    assert loss.coded == (y.dtype.kind == "i")
    assert loss.coded or loss.n_raw(y.shape[1]) == case.n_outputs


def test_every_loss_belongs_to_one_estimator():
    of_classifier = {kind for kinds in CLASSIFICATION.values() for kind in kinds}
    assert of_classifier | set(REGRESSION.values()) == set(LOSSES.values())
    assert not of_classifier & set(REGRESSION.values())


def test_squares_are_the_beginning_of_a_wide_huber_loss():
    raw, y, _ = draw(LOSS_CASES["huber"]["3_outputs"])
    squared, wide = evaluate(SquaredError(), raw, y), evaluate(Huber(1e6), raw, y)
    assert wide[0] == pytest.approx(squared[0], rel=1e-14)
    np.testing.assert_array_equal(wide[1], squared[1])
