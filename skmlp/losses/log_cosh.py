"""The logarithm of the hyperbolic cosine."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmlp._typing import Floats
from skmlp.losses.elementwise import ElementwiseLoss


class LogCosh(ElementwiseLoss):
    """ℓ = Σⱼ log cosh(zⱼ - yⱼ), with dℓ/dz = tanh(z - y).

    Half the square near zero and the absolute value far away, with all derivatives in
    between.

    References
    ----------
    Green (1990), "Bayesian reconstructions from emission tomography data using a
    modified EM algorithm".
    """

    link = "identity"

    def terms(
        self,
        raw: Floats,
        y: NDArray[Any],
        grad: Floats,
        out: Floats,
        scratch: Mapping[str, NDArray[Any]],
    ) -> None:
        """Write log cosh(z - y) and its derivative."""
        np.subtract(raw, y, out=grad)
        np.negative(grad, out=out)
        # log cosh r = log(exp(r) + exp(-r)) - log 2: this function never overflows.
        np.logaddexp(grad, out, out=out)
        np.subtract(out, math.log(2), out=out)
        np.tanh(grad, out=grad)

    def inverse_link(self, raw: Floats) -> Floats:
        """Leave raw scores as they are: they are the predictions."""
        return raw
