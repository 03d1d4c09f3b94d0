"""Focal loss of one or several yes-or-no questions."""

from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from skmlp._params import Constraint, Interval
from skmlp._typing import Floats
from skmlp.losses.elementwise import ElementwiseLoss


class BinaryFocal(ElementwiseLoss):
    """ℓ = -Σⱼ qⱼ^γ log(1 - qⱼ), where q = 1 / (1 + exp(s z)) is the wrong answer's share.

    Targets are 0 or 1, s = 2 y - 1. The derivative is -s q^γ (q - γ (1 - q) log(1 - q)).
    Questions that are answered well count little; γ = 0 is the log-loss.

    Parameters
    ----------
    focal_gamma : float, default=2.0
        γ, not negative.

    References
    ----------
    Lin et al. (2017), "Focal loss for dense object detection".
    """

    link = "logistic"
    spare = ("sign", "wrong", "factor")
    constraints: ClassVar[Mapping[str, Constraint]] = {
        "focal_gamma": Interval(Real, 0, None, closed="left")
    }

    def __init__(self, focal_gamma: float = 2.0) -> None:
        self.focal_gamma = float(focal_gamma)

    def terms(
        self,
        raw: Floats,
        y: NDArray[Any],
        grad: Floats,
        out: Floats,
        scratch: Mapping[str, NDArray[Any]],
    ) -> None:
        """Write the loss of each target and its derivative."""
        sign, wrong, factor = scratch["sign"], scratch["wrong"], scratch["factor"]
        np.multiply(y, -2.0, out=sign)
        np.add(sign, 1.0, out=sign)  # -s
        np.multiply(sign, raw, out=grad)
        expit(grad, out=wrong)
        np.logaddexp(grad, 0.0, out=out)  # -log(1 - q)
        np.power(wrong, self.focal_gamma, out=factor)
        # The derivative by the score of the wrong answer: q^γ (q - γ (1 - q) log(1 - q)).
        np.subtract(1.0, wrong, out=grad)
        np.multiply(grad, out, out=grad)
        np.multiply(grad, self.focal_gamma, out=grad)
        np.add(grad, wrong, out=grad)
        np.multiply(grad, sign, out=grad)
        np.multiply(grad, factor, out=grad)
        np.multiply(out, factor, out=out)

    def inverse_link(self, raw: Floats) -> Floats:
        """Turn raw scores into probabilities of 1, in place."""
        expit(raw, out=raw)
        return raw
