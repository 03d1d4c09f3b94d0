"""Log-loss of one or several yes-or-no questions."""

from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from skmlp._params import Constraint, Interval
from skmlp._typing import Floats
from skmlp.losses.elementwise import ElementwiseLoss
from skmlp.workspace import Buffer


class BinaryLogLoss(ElementwiseLoss):
    """ℓ = Σⱼ log(1 + exp(zⱼ)) - yⱼ zⱼ, with dℓ/dz = 1 / (1 + exp(-z)) - y.

    Targets are 0 or 1: one column for two classes, a column a label for multilabel.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        ε: y becomes (1 - ε) y + ½ ε, the smoothed targets of two classes.

    References
    ----------
    Cox (1958), "The regression analysis of binary sequences". Szegedy et al. (2016),
    "Rethinking the Inception architecture for computer vision", section 7.
    """

    link = "logistic"
    constraints: ClassVar[Mapping[str, Constraint]] = {
        "label_smoothing": Interval(Real, 0, 1, closed="left")
    }

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = float(label_smoothing)

    def buffers(self, n_outputs: int) -> dict[str, Buffer]:
        """Declare a number a row and one an output, two with smoothed targets."""
        buffers = super().buffers(n_outputs)
        return buffers | {"smooth": buffers["terms"]} if self.label_smoothing else buffers

    def terms(
        self,
        raw: Floats,
        y: NDArray[Any],
        grad: Floats,
        out: Floats,
        scratch: Mapping[str, NDArray[Any]],
    ) -> None:
        """Write log(1 + exp(z)) - y z and its derivative."""
        y = self._smoothed(y, scratch)
        # log(1 + exp(z)) = max(z, 0) + log(1 + exp(-|z|)), which never overflows.
        np.abs(raw, out=out)
        np.negative(out, out=out)
        np.exp(out, out=out)
        np.log1p(out, out=out)
        np.maximum(raw, 0.0, out=grad)
        np.add(out, grad, out=out)
        np.multiply(y, raw, out=grad)
        np.subtract(out, grad, out=out)
        expit(raw, out=grad)
        np.subtract(grad, y, out=grad)

    def _smoothed(self, y: NDArray[Any], scratch: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return (1 - ε) y + ½ ε: for ε = 0 the targets themselves."""
        if not self.label_smoothing:
            return y
        smooth = scratch["smooth"]
        np.multiply(y, 1.0 - self.label_smoothing, out=smooth)
        np.add(smooth, 0.5 * self.label_smoothing, out=smooth)
        return smooth

    def inverse_link(self, raw: Floats) -> Floats:
        """Turn raw scores into probabilities of 1, in place."""
        expit(raw, out=raw)
        return raw
