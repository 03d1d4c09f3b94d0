"""What a constructor parameter may be, and the sentence that says so.

A constraint answers two questions: is this value allowed, and what is? Components
declare theirs in a class attribute ``constraints``; the estimators gather them.
"""

import inspect
import math
from abc import ABC, abstractmethod
from collections import abc
from collections.abc import Hashable, Iterable, Mapping
from functools import cache
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, TypeVar, cast

import numpy as np

_Component = TypeVar("_Component")

_SHOWN = 80  # characters of a refused value that a message repeats


class InvalidParameterError(ValueError, TypeError):
    """A parameter has a type or value that is not allowed."""


class Constraint(ABC):
    """One kind of allowed value."""

    @abstractmethod
    def accepts(self, value: Any) -> bool:
        """Tell whether `value` is allowed."""

    @abstractmethod
    def __str__(self) -> str:
        """Say what is allowed, to follow the words 'must be'."""

    def __or__(self, other: "Constraint") -> "AnyOf":
        """Allow what either constraint allows."""
        return AnyOf(self, other)


class AnyOf(Constraint):
    """What at least one of several constraints allows."""

    def __init__(self, *options: Constraint) -> None:
        self.options = options

    def accepts(self, value: Any) -> bool:
        return any(option.accepts(value) for option in self.options)

    def __str__(self) -> str:
        return " or ".join(str(option) for option in self.options)


class Interval(Constraint):
    """A finite number between two bounds; ``None`` leaves a side open.

    Parameters
    ----------
    kind : type
        ``numbers.Integral`` or ``numbers.Real``. Booleans are not numbers here.
    low, high : float or None
        The bounds.
    closed : {'left', 'right', 'both', 'neither'}
        Which bounds belong to the interval.
    """

    def __init__(self, kind: type, low: Any, high: Any, closed: str) -> None:
        self.kind, self.low, self.high = kind, low, high
        self.closed_left = closed in ("left", "both")
        self.closed_right = closed in ("right", "both")

    def accepts(self, value: Any) -> bool:
        is_number = isinstance(value, self.kind) and not isinstance(value, bool)
        return is_number and self._is_finite(value) and self._contains(value)

    def _is_finite(self, value: Any) -> bool:
        """Tell whether `value` is finite: as a float too, unless integers are asked for."""
        try:
            return self.kind is Integral or math.isfinite(value)
        except OverflowError:
            return False

    def _contains(self, value: Any) -> bool:
        low, high = self.low, self.high
        above = low is None or value > low or (self.closed_left and value == low)
        below = high is None or value < high or (self.closed_right and value == high)
        return bool(above and below)

    def __str__(self) -> str:
        kind = "an int" if self.kind is Integral else "a finite float"
        left = "[" if self.closed_left else "("
        right = "]" if self.closed_right else ")"
        low = "-inf" if self.low is None else self.low
        high = "inf" if self.high is None else self.high
        return f"{kind} in the range {left}{low}, {high}{right}"


class Options(Constraint):
    """One of a few strings or numbers."""

    def __init__(self, values: Iterable[Any]) -> None:
        self.values = tuple(values)

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str | Real) and value in self.values

    def __str__(self) -> str:
        values = ", ".join(repr(value) for value in self.values)
        return values if len(self.values) == 1 else f"one of {{{values}}}"


class Boolean(Constraint):
    """True or False."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, bool | np.bool_)

    def __str__(self) -> str:
        return "a bool"


class Nothing(Constraint):
    """None."""

    def accepts(self, value: Any) -> bool:
        return value is None

    def __str__(self) -> str:
        return "None"


class CallableObject(Constraint):
    """A function, or what can be called like one; not a class."""

    def accepts(self, value: Any) -> bool:
        return callable(value) and not isinstance(value, type)

    def __str__(self) -> str:
        return "a callable"


class InstanceOf(Constraint):
    """An instance of a class."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def accepts(self, value: Any) -> bool:
        return isinstance(value, self.kind)

    def __str__(self) -> str:
        module = "" if self.kind.__module__ == "builtins" else f"{self.kind.__module__}."
        return f"an instance of {module}{self.kind.__qualname__}"


class Sequence(Constraint):
    """A sequence, possibly empty, whose items all obey one constraint."""

    def __init__(self, item: Constraint) -> None:
        self.item = item

    def accepts(self, value: Any) -> bool:
        if isinstance(value, str | bytes) or not isinstance(value, abc.Sequence | np.ndarray):
            return False
        flat = getattr(value, "ndim", 1) == 1
        return flat and all(self.item.accepts(item) for item in value)

    def __str__(self) -> str:
        return f"a sequence, each item {self.item}"


class Increasing(Sequence):
    """A sequence of numbers, at least one, each larger than the one before."""

    def accepts(self, value: Any) -> bool:
        pairs = pairwise(value) if super().accepts(value) and len(value) else [(0, 0)]
        return all(low < high for low, high in pairs)

    def __str__(self) -> str:
        return f"an increasing {super().__str__().removeprefix('a ')}"


class Range(Increasing):
    """Two finite numbers, the first below the second, at a finite distance."""

    def __init__(self) -> None:
        super().__init__(Interval(Real, None, None, closed="neither"))

    def accepts(self, value: Any) -> bool:
        if not super().accepts(value) or len(value) != 2:
            return False
        return math.isfinite(float(value[1]) - float(value[0]))

    def __str__(self) -> str:
        return "a pair of finite floats, the first below the second"


class Like(Constraint):
    """An object, not a class, with the public attributes and methods of a class.

    Parameters
    ----------
    kind : type
        Has the attributes and methods, if only as annotations.
    name : str
        How a message calls such an object.
    """

    def __init__(self, kind: type, name: str) -> None:
        self.name = name
        names = {*dir(kind), *inspect.get_annotations(kind)}
        self._public = [n for n in names if n == "__call__" or not n.startswith("_")]

    def accepts(self, value: Any) -> bool:
        return not isinstance(value, type) and all(hasattr(value, n) for n in self._public)

    def __str__(self) -> str:
        return self.name


class OneOrMore(Constraint):
    """A value that obeys a constraint, or a sequence of such values."""

    def __init__(self, item: Constraint) -> None:
        self.item, self.several = item, Sequence(item)

    def accepts(self, value: Any) -> bool:
        return self.item.accepts(value) or self.several.accepts(value)

    def __str__(self) -> str:
        return f"{self.item}, or a sequence of such"


class Dictionary(Constraint):
    """A dict whose keys obey one constraint and whose values obey another."""

    def __init__(self, key: Constraint, value: Constraint) -> None:
        self.key, self.value = key, value

    def accepts(self, value: Any) -> bool:
        return isinstance(value, abc.Mapping) and all(
            self.key.accepts(key) and self.value.accepts(item) for key, item in value.items()
        )

    def __str__(self) -> str:
        return f"a dict, each key {self.key} and each value {self.value}"


class Seed(Constraint):
    """What seeds a ``numpy.random.RandomState``, or one."""

    def accepts(self, value: Any) -> bool:
        if value is None or isinstance(value, np.random.RandomState):
            return True
        return Interval(Integral, 0, 2**32 - 1, closed="both").accepts(value)

    def __str__(self) -> str:
        return "None, a numpy.random.RandomState or an int in the range [0, 2**32 - 1]"


def check_parameters(
    owner: str, values: Mapping[str, Any], constraints: Mapping[str, Constraint]
) -> None:
    """Refuse the first parameter that breaks its constraint.

    Parameters
    ----------
    owner : str
        The class the message names.
    values : mapping of str to object
        The parameters.
    constraints : mapping of str to Constraint
        What each may be; a parameter without a constraint passes.

    Raises
    ------
    InvalidParameterError
        Both a ``ValueError`` and a ``TypeError``. It names the parameter, says
        what is allowed and repeats the value.
    """
    for name, constraint in constraints.items():
        if name in values and not constraint.accepts(values[name]):
            raise InvalidParameterError(
                f"The {name!r} parameter of {owner} must be {constraint}. "
                f"Got {shown(values[name])} instead."
            )


def shown(value: Any) -> str:
    """Return a value as a message repeats it, cut if it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def build(kind: type[_Component], values: Mapping[str, Any]) -> _Component:
    """Make a component from the values whose names its constructor asks for.

    Examples
    --------
    >>> class Step:
    ...     def __init__(self, size):
    ...         self.size = size
    >>> build(Step, {"size": 3, "colour": "red"}).size
    3
    """
    return kind(**{name: values[name] for name in arguments(kind) if name in values})


def arguments(kind: type) -> tuple[str, ...]:
    """Return the names of the arguments of a constructor."""
    return _arguments(cast(Hashable, kind))


@cache
def _arguments(kind: Any) -> tuple[str, ...]:
    """Ask once: inspection takes a tenth of a millisecond."""
    return tuple(inspect.signature(kind).parameters)
