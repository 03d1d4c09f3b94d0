"""Huber's loss."""

from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from skmlp._params import Constraint, Interval
from skmlp._typing import Floats
from skmlp.losses.elementwise import ElementwiseLoss


class Huber(ElementwiseLoss):
    """ℓ = Σⱼ ½ rⱼ² where |r| ≤ ε, ε |rⱼ| - ½ ε² beyond, with r = z - y.

    The derivative is r, cut at ±ε.

    Parameters
    ----------
    huber_epsilon : float, default=1.35
        ε, in the units of y: where squares end. For normal errors of variance one,
        1.35 has 95 % of the efficiency of least squares.

    References
    ----------
    Huber (1964), "Robust estimation of a location parameter".
    """

    link = "identity"
    spare = ("inner",)
    constraints: ClassVar[Mapping[str, Constraint]] = {
        "huber_epsilon": Interval(Real, 0, None, closed="neither")
    }

    def __init__(self, huber_epsilon: float = 1.35) -> None:
        self.huber_epsilon = float(huber_epsilon)

    def terms(
        self,
        raw: Floats,
        y: NDArray[Any],
        grad: Floats,
        out: Floats,
        scratch: Mapping[str, NDArray[Any]],
    ) -> None:
        """Write the loss of each target and its derivative."""
        inner = scratch["inner"]
        np.subtract(raw, y, out=grad)
        np.abs(grad, out=out)
        # With c = min(|r|, ε) both branches are c (|r| - ½ c).
        np.minimum(out, self.huber_epsilon, out=inner)
        np.copysign(inner, grad, out=grad)
        np.multiply(inner, -0.5, out=inner)
        np.add(out, inner, out=out)
        np.multiply(inner, -2.0, out=inner)
        np.multiply(out, inner, out=out)

    def inverse_link(self, raw: Floats) -> Floats:
        """Leave raw scores as they are: they are the predictions."""
        return raw
