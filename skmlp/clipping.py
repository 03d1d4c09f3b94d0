"""Limits on the gradient of the loss, applied before penalties and optimizer see it."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from numbers import Real
from typing import ClassVar

import numpy as np

from skmlp._params import Constraint, Interval, Nothing
from skmlp._typing import Floats

_LIMIT = Interval(Real, 0, None, closed="neither") | Nothing()


class Clip(ABC):
    """A change of the whole gradient, in place."""

    constraints: ClassVar[Mapping[str, Constraint]] = {}

    @abstractmethod
    def __call__(self, gradient: Floats) -> None:
        """Limit the flat gradient."""


class ClipValue(Clip):
    """gⱼ ← min(max(gⱼ, -c), c) for each entry.

    Parameters
    ----------
    max_grad_value : float
        c.

    References
    ----------
    Mikolov (2012), "Statistical language models based on neural networks", thesis.
    """

    constraints = {"max_grad_value": _LIMIT}

    def __init__(self, max_grad_value: float) -> None:
        self.limit = float(max_grad_value)

    def __call__(self, gradient: Floats) -> None:
        """Limit each entry."""
        np.clip(gradient, -self.limit, self.limit, out=gradient)


class ClipNorm(Clip):
    """g ← g · min(1, c / ‖g‖), the gradient of all parameters as one vector.

    Parameters
    ----------
    max_grad_norm : float
        c.

    References
    ----------
    Pascanu, Mikolov & Bengio (2013), "On the difficulty of training recurrent neural
    networks", ICML.
    """

    constraints = {"max_grad_norm": _LIMIT}

    def __init__(self, max_grad_norm: float) -> None:
        self.limit = float(max_grad_norm)

    def __call__(self, gradient: Floats) -> None:
        """Limit the Euclidean norm."""
        norm = math.sqrt(float(np.dot(gradient, gradient)))
        if norm == math.inf:  # the squares overflow, the norm may not
            largest = float(max(gradient.max(), -gradient.min()))
            np.multiply(gradient, 1.0 / largest, out=gradient)
            norm = math.sqrt(float(np.dot(gradient, gradient)))
            np.multiply(gradient, self.limit / norm, out=gradient)
        elif norm > self.limit:
            np.multiply(gradient, self.limit / norm, out=gradient)


CLIPS: dict[str, type[Clip]] = {
    "max_grad_value": ClipValue,
    "max_grad_norm": ClipNorm,
}
