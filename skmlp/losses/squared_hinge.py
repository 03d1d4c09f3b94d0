"""Squared hinge loss."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmlp._typing import Floats
from skmlp.losses.elementwise import ElementwiseLoss


class SquaredHinge(ElementwiseLoss):
    """ℓ = Σⱼ max(0, 1 - sⱼ zⱼ)² with s = 2 y - 1, and dℓ/dz = -2 s max(0, 1 - s z).

    Targets are 0 or 1. Three or more classes are told apart one against the rest.

    References
    ----------
    Lee & Mangasarian (2001), "SSVM: a smooth support vector machine for
    classification". Tang (2013), "Deep learning using linear support vector machines".
    """

    link = "identity"
    spare = ("sign",)

    def terms(
        self,
        raw: Floats,
        y: NDArray[Any],
        grad: Floats,
        out: Floats,
        scratch: Mapping[str, NDArray[Any]],
    ) -> None:
        """Write max(0, 1 - s z)² and its derivative."""
        sign = scratch["sign"]
        np.multiply(y, -2.0, out=sign)
        np.add(sign, 1.0, out=sign)  # -s
        np.multiply(sign, raw, out=grad)
        np.add(grad, 1.0, out=grad)
        np.maximum(grad, 0.0, out=grad)
        np.multiply(grad, grad, out=out)
        np.multiply(grad, sign, out=grad)
        np.multiply(grad, 2.0, out=grad)

    def inverse_link(self, raw: Floats) -> Floats:
        """Leave raw scores as they are: they are distances, not probabilities."""
        return raw
