"""Every registered member has a case, a formula, a reference and checked arguments."""

import inspect
import math

import cases
import numpy as np
import pytest

from skmlp._params import Boolean, Interval, build
from skmlp.activations import ACTIVATIONS, Activation
from skmlp.layers import LAYERS, Layer
from skmlp.losses import LOSSES, GroupedLoss, Loss, MaskedLoss
from skmlp.optimizers import OPTIMIZERS, Optimizer
from skmlp.penalties import PENALTIES, Penalty
from skmlp.schedules import SCHEDULES, Schedule

REGISTRIES = {
    "layers": (LAYERS, Layer, cases.LAYER_CASES),
    "losses": (LOSSES, Loss, cases.LOSS_CASES),
    "penalties": (PENALTIES, Penalty, cases.PENALTY_CASES),
    "optimizers": (OPTIMIZERS, Optimizer, cases.OPTIMIZER_CASES),
    "schedules": (SCHEDULES, Schedule, cases.SCHEDULE_CASES),
    "activations": (ACTIVATIONS, Activation, cases.ACTIVATION_CASES),
}
#: Made of other losses by the estimators; nobody asks for them by name.
COMBINED = {GroupedLoss, MaskedLoss}
CONFIGURED = ("losses", "penalties", "optimizers", "schedules")

every_registry = pytest.mark.parametrize("kind", REGISTRIES)
every_member = pytest.mark.parametrize(
    "member",
    [
        pytest.param(member, id=f"{kind}-{name}")
        for kind, (registry, *_) in REGISTRIES.items()
        for name, member in registry.items()
    ],
)
configured_members = pytest.mark.parametrize(
    "member",
    [
        pytest.param(member, id=f"{kind}-{name}")
        for kind in CONFIGURED
        for name, member in REGISTRIES[kind][0].items()
    ],
)
configured_cases = pytest.mark.parametrize(
    ("member", "arguments"),
    [
        pytest.param(registry[name], case.arguments, id=f"{name}-{label}")
        for registry, _, table in (REGISTRIES[kind] for kind in CONFIGURED)
        for name in sorted(registry.keys() & table.keys())
        for label, case in table[name].items()
    ],
)


def docstring_faults(member):
    """Say what the docstring of a class lacks; that of its base does not count."""
    doc = inspect.cleandoc(vars(member).get("__doc__") or "")
    summary, faults = doc.partition("\n\n")[0], []
    if not any(sign in summary for sign in "=←→"):
        faults.append("no formula in the summary")
    if not doc.partition("References\n----------\n")[2].strip():
        faults.append("no reference")
    return faults


def argument_faults(member):
    """Say which constructor arguments are not constrained, and which constraints are stale."""
    names = set(inspect.signature(member).parameters)
    faults = [f"no constraint on {name}" for name in sorted(names - set(member.constraints))]
    return faults + [f"no argument {name}" for name in sorted(set(member.constraints) - names)]


def defaults(member):
    """Return the default of each constructor argument."""
    return {name: p.default for name, p in inspect.signature(member).parameters.items()}


def concrete_classes(base):
    """Return the classes below a class, at any depth, but for abstract ones."""
    below = [c for child in base.__subclasses__() for c in (child, *concrete_classes(child))]
    return [c for c in below if not inspect.isabstract(c)]


@every_registry
def test_every_member_has_a_case_and_every_case_a_member(kind):
    registry, _, table = REGISTRIES[kind]
    assert set(table) == set(registry)
    assert all(table.values())


@every_registry
def test_members_are_different_concrete_classes_of_their_kind(kind):
    registry, base, _ = REGISTRIES[kind]
    assert len(set(registry.values())) == len(registry)
    for name, member in registry.items():
        assert issubclass(member, base)
        assert not inspect.isabstract(member)
        assert name == name.lower()


@every_registry
def test_every_class_of_a_kind_is_registered(kind):
    registry, base, _ = REGISTRIES[kind]
    ours = [c for c in concrete_classes(base) if c.__module__.startswith("skmlp.")]
    assert set(ours) - COMBINED <= set(registry.values())


@every_member
def test_every_member_states_its_formula_and_its_source(member):
    assert docstring_faults(member) == []


@configured_members
def test_every_argument_is_constrained_and_has_a_default_that_is_allowed(member):
    assert argument_faults(member) == []
    for name, default in defaults(member).items():
        assert member.constraints[name].accepts(default), name


@configured_members
def test_constraints_refuse_what_is_no_value(member):
    for name, constraint in member.constraints.items():
        for value in (math.nan, math.inf, "nonsense", [], object(), np.zeros(3)):
            assert not constraint.accepts(value), name
        assert constraint.accepts(None) == (defaults(member)[name] is None), name
        assert constraint.accepts(True) == isinstance(constraint, Boolean), name


@configured_cases
def test_arguments_are_allowed_stored_and_found_by_name(member, arguments):
    for name, value in arguments.items():
        assert member.constraints[name].accepts(value)
    built = build(member, {**arguments, "unknown": 1})
    for name, value in {**defaults(member), **arguments}.items():
        assert getattr(built, name) == value
    again = member(**{name: getattr(built, name) for name in defaults(member)})
    assert {name: getattr(again, name) for name in defaults(member)} == {
        name: getattr(built, name) for name in defaults(member)
    }


@configured_cases
def test_numpy_numbers_are_stored_as_python_numbers(member, arguments):
    """A float64 scalar would make float64 of the float32 arrays that it meets."""
    scalars = {name: np.asarray(value)[()] for name, value in arguments.items()}
    built = member(**scalars)
    for name, value in arguments.items():
        assert type(getattr(built, name)) is type(value)


def test_components_that_share_a_parameter_agree_on_what_it_may_be():
    said = {}
    for kind in CONFIGURED:
        for member in REGISTRIES[kind][0].values():
            for name, constraint in member.constraints.items():
                assert said.setdefault(name, str(constraint)) == str(constraint)


def test_layers_store_their_arguments():
    """Those that an estimator names after the layer, by the rest of the name."""
    for registry_name, members in cases.LAYER_CASES.items():
        for case in members.values():
            layer = case.make()
            assert type(layer) is LAYERS[registry_name]
            for name in inspect.signature(type(layer)).parameters:
                assert name.removeprefix(f"{registry_name}_") in vars(layer)


# -- the checks themselves -----------------------------------------------------------


class Undocumented(Optimizer):
    def __init__(self, rate=1.0):
        self.rate = rate


class Documented(Optimizer):
    """w ← w - lr g.

    References
    ----------
    Cauchy (1847).
    """

    constraints = {"rate": Interval(float, 0, 1, closed="both")}


def test_a_member_without_words_or_constraints_is_found():
    assert docstring_faults(Undocumented) == ["no formula in the summary", "no reference"]
    assert argument_faults(Undocumented) == ["no constraint on rate"]


def test_a_stale_constraint_is_found():
    assert docstring_faults(Documented) == []
    assert argument_faults(Documented) == ["no argument rate"]
