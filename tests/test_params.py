"""Constraints on constructor parameters, their messages, and building from names."""

import math
import re
from fractions import Fraction
from numbers import Integral, Real
from types import MappingProxyType

import numpy as np
import pytest

from skmlp._params import (
    AnyOf,
    Boolean,
    CallableObject,
    Dictionary,
    Increasing,
    InstanceOf,
    Interval,
    InvalidParameterError,
    Like,
    Nothing,
    OneOrMore,
    Options,
    Range,
    Seed,
    Sequence,
    build,
    check_parameters,
)

POSITIVE_INT = Interval(Integral, 1, None, closed="left")
RATIO = Interval(Real, 0, 1, closed="left")

NO_NUMBERS = [None, "1", b"1", "", [], [1], (1,), {1}, np.array([1]), object(), int, 1j]
NOT_FINITE = [math.nan, math.inf, -math.inf, np.float32("nan"), np.float64("inf")]
BOOLEANS = [True, False, np.True_, np.False_]


def accepted(constraint, values):
    """Return the values that a constraint allows."""
    return [value for value in values if constraint.accepts(value)]


# -- intervals -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Integral, Real])
def test_only_finite_numbers_lie_in_an_interval(kind):
    everything = Interval(kind, None, None, closed="neither")
    assert accepted(everything, NO_NUMBERS + NOT_FINITE + BOOLEANS) == []
    assert everything.accepts(-3)
    assert everything.accepts(np.int8(3))


@pytest.mark.parametrize(
    ("closed", "inside"),
    [
        ("left", [0, 0.5]),
        ("right", [0.5, 1]),
        ("both", [0, 0.5, 1]),
        ("neither", [0.5]),
    ],
)
def test_bounds_belong_to_the_closed_sides(closed, inside):
    interval = Interval(Real, 0, 1, closed=closed)
    assert accepted(interval, [-1, -1e-300, 0, 0.5, 1, 1 + 1e-15, 2]) == inside
    assert accepted(interval, [-0.0, 1.0]) == [x for x in (-0.0, 1.0) if x in inside]


def test_an_open_side_has_no_bound():
    assert accepted(Interval(Real, None, 0, closed="right"), [-1e300, 0, 1e-300]) == [-1e300, 0]
    assert accepted(POSITIVE_INT, [0, 1, 10**18]) == [1, 10**18]


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint8, np.intp])
def test_numpy_integers_are_integers(kind):
    assert POSITIVE_INT.accepts(kind(3))
    assert RATIO.accepts(kind(0))
    assert not POSITIVE_INT.accepts(kind(0))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.longdouble, float])
def test_floats_are_real_and_not_integers(kind):
    assert RATIO.accepts(kind(0.5))
    assert not RATIO.accepts(kind(1.5))
    assert not POSITIVE_INT.accepts(kind(3.0))


@pytest.mark.parametrize("huge", [2**53 + 1, 2**63, 2**64, 2**100])
def test_integers_beyond_machine_words_are_integers(huge):
    assert accepted(POSITIVE_INT, [huge, -huge]) == [huge]
    assert accepted(RATIO, [huge, -huge]) == []
    assert accepted(Seed(), [huge, -huge]) == []


def test_integers_beyond_the_largest_float_are_no_finite_float():
    huge = 10**400
    assert accepted(Interval(Real, None, None, closed="neither"), [huge, -huge]) == []
    assert not POSITIVE_INT.accepts(-huge)
    assert not Seed().accepts(huge)


def test_fractions_are_real_numbers():
    assert accepted(RATIO, [Fraction(1, 2), Fraction(3, 2)]) == [Fraction(1, 2)]


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (POSITIVE_INT, "an int in the range [1, inf)"),
        (RATIO, "a finite float in the range [0, 1)"),
        (Interval(Real, 0, None, closed="neither"), "a finite float in the range (0, inf)"),
        (Interval(Real, None, 5, closed="both"), "a finite float in the range [-inf, 5]"),
    ],
)
def test_an_interval_says_what_it_holds(interval, text):
    assert str(interval).replace("[-inf", "(-inf") == text.replace("[-inf", "(-inf")


# -- the other kinds -----------------------------------------------------------------


def test_options_are_equal_strings_or_numbers():
    names = Options(["auto", "float32"])
    assert accepted(names, ["auto", "float32", "Auto", "", b"auto", None, 0]) == ["auto", "float32"]
    assert accepted(names, [["auto"], {"auto"}, np.array(["auto"]), object(), *BOOLEANS]) == []
    assert names.accepts(np.str_("auto"))
    infinite = Options([math.inf])
    assert accepted(infinite, [math.inf, -math.inf, 1.0]) == [math.inf]
    assert not infinite.accepts(math.nan)


def test_options_may_be_given_by_a_registry():
    assert str(Options({"sgd": 1, "adam": 2})) == "one of {'sgd', 'adam'}"
    assert str(Options(["auto"])) == "'auto'"


def test_only_booleans_are_booleans():
    assert accepted(Boolean(), BOOLEANS) == BOOLEANS
    assert accepted(Boolean(), [0, 1, 1.0, "True", None, [], np.array(True)]) == []
    assert str(Boolean()) == "a bool"


@pytest.mark.parametrize(
    "value", [[], (), [3], (3, 4), np.array([3, 4]), np.array([], int), [np.int32(3)], range(1, 4)]
)
def test_sequences_of_allowed_items_are_allowed(value):
    assert Sequence(POSITIVE_INT).accepts(value)


@pytest.mark.parametrize(
    "value", [[0], [3, -1], (3, 4.0), [True], ["3"], [[3]], [[3], [3, 4]], [3, [4]], [math.nan]]
)
def test_one_bad_item_spoils_a_sequence(value):
    assert not Sequence(POSITIVE_INT).accepts(value)


@pytest.mark.parametrize(
    "value",
    ["34", b"34", "", b"", 3, None, np.array(3), 3.0, list],
    ids=repr,
)
def test_strings_and_single_values_are_no_sequences(value):
    assert not Sequence(POSITIVE_INT).accepts(value)


@pytest.mark.parametrize("value", [{3}, frozenset([3]), {3: 4}, {3: 4}.keys()], ids=repr)
def test_what_has_no_order_is_no_sequence(value):
    assert not Sequence(POSITIVE_INT).accepts(value)


def test_what_can_be_read_once_only_is_no_sequence():
    once = (n for n in (3, 4))
    assert not Sequence(POSITIVE_INT).accepts(once)
    assert list(once) == [3, 4]
    assert not Sequence(POSITIVE_INT).accepts(iter([3, 4]))


def test_a_sequence_says_what_its_items_are():
    assert str(Sequence(POSITIVE_INT)) == "a sequence, each item an int in the range [1, inf)"


def test_seeds():
    allowed = [None, 0, 7, 2**32 - 1, np.int64(5), np.random.RandomState(0)]
    assert accepted(Seed(), allowed) == allowed
    refused = [-1, 2**32, 1.0, "0", math.nan, np.random.default_rng(0), np.random, *BOOLEANS]
    assert accepted(Seed(), refused) == []


def test_any_of_several_is_enough():
    either = Options(["auto"]) | POSITIVE_INT | Boolean()
    assert isinstance(either, AnyOf)
    assert accepted(either, ["auto", 3, True, 0, "3", None]) == ["auto", 3, True]
    assert str(either) == "'auto' or an int in the range [1, inf) or a bool"


# -- messages ------------------------------------------------------------------------


def test_the_first_bad_parameter_is_named_with_what_is_allowed():
    constraints = {"size": POSITIVE_INT, "share": RATIO}
    message = (
        "The 'share' parameter of Net must be a finite float in the range [0, 1). Got 2 instead."
    )
    with pytest.raises(InvalidParameterError, match=re.escape(message)):
        check_parameters("Net", {"size": 3, "share": 2, "other": object()}, constraints)


@pytest.mark.parametrize("error", [ValueError, TypeError])
def test_the_error_is_both_a_value_and_a_type_error(error):
    with pytest.raises(error):
        check_parameters("Net", {"size": "3"}, {"size": POSITIVE_INT})


def test_good_and_absent_parameters_pass():
    check_parameters("Net", {"size": 3}, {"size": POSITIVE_INT, "share": RATIO})
    check_parameters("Net", {"unknown": object()}, {})


@pytest.mark.parametrize("value", ["x" * 10_000, list(range(10_000)), np.arange(500)])
def test_a_long_value_is_cut_in_the_message(value):
    with pytest.raises(InvalidParameterError) as caught:
        check_parameters("Net", {"size": value}, {"size": POSITIVE_INT})
    assert len(str(caught.value)) < 400
    assert "..." in str(caught.value)


@pytest.mark.parametrize("length", [78, 79])
def test_a_value_is_shown_whole_while_it_is_short(length):
    value = "x" * (length - 2)
    with pytest.raises(InvalidParameterError, match=f"Got {value!r} instead"):
        check_parameters("Net", {"size": value}, {"size": POSITIVE_INT})


# -- building ------------------------------------------------------------------------


class Part:
    def __init__(self, size, share=0.5):
        self.size, self.share = size, share


def test_build_takes_the_values_whose_names_the_constructor_asks_for():
    part = build(Part, {"size": 3, "colour": "red"})
    assert (part.size, part.share) == (3, 0.5)
    assert build(Part, {"size": 3, "share": 0.1, "self": 9}).share == 0.1


def test_build_does_without_a_constructor():
    assert isinstance(build(Boolean, {"size": 3}), Boolean)


def test_build_misses_what_has_no_default():
    with pytest.raises(TypeError, match="size"):
        build(Part, {"share": 0.1})


# -- increasing sequences --------------------------------------------------------------


@pytest.mark.parametrize("value", [[0.1], (0.1, 0.5), [0, 0.5], np.array([0.0, 0.2, 0.9])])
def test_increasing_numbers_are_allowed(value):
    assert Increasing(RATIO).accepts(value)


@pytest.mark.parametrize(
    "value", [[], (), 0.5, [0.5, 0.5], [0.5, 0.1], [0.1, 1], [math.nan], [0.1, None], {0.1}, "ab"]
)
def test_other_sequences_do_not_increase(value):
    assert not Increasing(RATIO).accepts(value)


def test_increasing_numbers_are_described():
    assert str(Increasing(RATIO)) == f"an increasing sequence, each item {RATIO}"


# -- objects like those of a class -----------------------------------------------------


class Bird:
    """What a bird has."""

    wings: int

    def fly(self):
        """Fly."""

    def __call__(self):
        """Sing."""


class Duck:
    """No subclass, but like one."""

    def __init__(self):
        self.wings = 2

    def fly(self):
        """Fly."""

    def __call__(self):
        """Quack."""


class Stone:
    """It has wings, perhaps, but does not sing."""

    wings = 2

    def fly(self):
        """Fall."""


@pytest.mark.parametrize("value", [(0, 1), [-1.5, 2], np.array([0, 1e300]), (Fraction(1, 3), 1)])
def test_two_numbers_in_order_are_a_range(value):
    assert Range().accepts(value)


@pytest.mark.parametrize(
    "value",
    [(1, 0), (0, 0), (0,), (0, 1, 2), (), 1, "01", (0, np.inf), (-1.7e308, 1.7e308), (0, True)],
    ids=repr,
)
def test_what_is_no_range(value):
    assert not Range().accepts(value)


def test_objects_with_the_attributes_of_a_class_are_like_it():
    bird = Bird()
    constraint = Like(Bird, "a bird")
    assert not constraint.accepts(bird)  # its wings are only announced
    bird.wings = 2
    duck = Duck()
    assert accepted(constraint, [bird, duck, Stone(), Bird, Duck, None, 3, len]) == [bird, duck]
    assert str(constraint) == "a bird"


def test_only_none_is_nothing():
    assert accepted(Nothing(), [*NO_NUMBERS, *NOT_FINITE, *BOOLEANS, 0]) == [None]
    assert str(POSITIVE_INT | Nothing()) == f"{POSITIVE_INT} or None"


def test_functions_and_objects_that_can_be_called_are_callable():
    called = [len, test_only_none_is_nothing, np.sin, lambda x: x, "".join]
    assert accepted(CallableObject(), [*called, *NO_NUMBERS, Real, 1.0]) == called
    assert str(CallableObject()) == "a callable"


def test_instances_are_of_a_class_or_one_below_it():
    assert accepted(InstanceOf(Integral), [1, True, np.int8(2), 1.0, int, None]) == [1, True, 2]
    assert str(InstanceOf(Fraction)) == "an instance of fractions.Fraction"
    assert str(InstanceOf(dict)) == "an instance of dict"


def test_dicts_have_keys_and_values_of_a_kind():
    constraint = Dictionary(POSITIVE_INT, RATIO)
    dicts = [{}, {1: 0.5}, MappingProxyType({np.int64(3): 0.1, 2: 0.9})]
    others = [{0: 0.5}, {1: 0.5, 2: 1.5}, {1: None}, {"1": 0.5}, [(1, 0.5)], {1, 2}, dict, None]
    assert accepted(constraint, [*dicts, *others]) == dicts
    assert str(constraint) == f"a dict, each key {POSITIVE_INT} and each value {RATIO}"


@pytest.mark.parametrize("value", [0.5, [0.5], (0.1, 0.2), [], np.array([0.1, 0.9])], ids=repr)
def test_one_value_or_several_of_a_kind_are_allowed(value):
    assert OneOrMore(RATIO).accepts(value)


@pytest.mark.parametrize("value", [1.5, [0.5, 1.5], "0.5", None, [[0.5]], {0.5}], ids=repr)
def test_one_bad_value_spoils_one_or_several(value):
    assert not OneOrMore(RATIO).accepts(value)
    assert str(OneOrMore(RATIO)) == f"{RATIO}, or a sequence of such"
