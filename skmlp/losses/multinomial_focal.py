"""Focal loss of one class out of several."""

from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from skmlp._params import Constraint, Interval
from skmlp._typing import Floats
from skmlp.losses.multinomial import MultinomialLoss
from skmlp.workspace import Buffer


class MultinomialFocal(MultinomialLoss):
    """ℓ = -(1 - p)^γ log p, where p = softmax(z)_y is the probability of the class.

    Its derivative is that of -log p times (1 - p)^γ - γ p (1 - p)^(γ - 1) log p.
    Rows that are classified well count little; γ = 0 is the log-loss.

    Parameters
    ----------
    focal_gamma : float, default=2.0
        γ, not negative.

    References
    ----------
    Lin et al. (2017), "Focal loss for dense object detection".
    """

    constraints: ClassVar[Mapping[str, Constraint]] = {
        "focal_gamma": Interval(Real, 0, None, closed="left")
    }

    def __init__(self, focal_gamma: float = 2.0) -> None:
        self.focal_gamma = float(focal_gamma)

    def buffers(self, n_outputs: int) -> dict[str, Buffer]:
        """Declare three more numbers a row."""
        more = {"wrong": Buffer(), "factor": Buffer(), "slope": Buffer(1)}
        return super().buffers(n_outputs) | more

    def finish(self, raw: Floats, grad: Floats, scratch: Mapping[str, NDArray[Any]]) -> None:
        """Multiply the log-loss by (1 - p)^γ, and its derivative by the factor above."""
        rows, wrong, factor = scratch["rows"], scratch["wrong"], scratch["factor"]
        slope = scratch["slope"]
        # 1 - p is computed from -log p, so that their quotient tends to one.
        np.maximum(rows, float(np.finfo(rows.dtype).tiny), out=rows)
        np.negative(rows, out=wrong)
        np.exp(wrong, out=slope[:, 0])
        np.expm1(wrong, out=wrong)
        np.negative(wrong, out=wrong)
        np.power(wrong, self.focal_gamma, out=factor)
        # (1 - p)^γ (1 + γ p (-log p) / (1 - p))
        np.multiply(slope[:, 0], rows, out=slope[:, 0])
        np.divide(slope[:, 0], wrong, out=slope[:, 0])
        np.multiply(slope, self.focal_gamma, out=slope)
        np.add(slope, 1.0, out=slope)
        np.multiply(slope[:, 0], factor, out=slope[:, 0])
        np.multiply(grad, slope, out=grad)
        np.multiply(rows, factor, out=rows)
