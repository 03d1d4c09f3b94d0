"""Half the gamma deviance."""

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmlp._params import Interval
from skmlp._typing import Floats
from skmlp.losses.log_link import DevianceLoss


class Gamma(DevianceLoss):
    """ℓ = Σⱼ yⱼ exp(-zⱼ) + zⱼ - log yⱼ - 1, with dℓ/dz = 1 - y exp(-z).

    Targets are positive, with errors in proportion to the mean exp(z).

    References
    ----------
    McCullagh & Nelder (1989), "Generalized linear models", chapter 8.
    """

    @property
    def domain(self) -> Interval:
        """Return the positive numbers."""
        return Interval(Real, 0, None, closed="neither")

    def deviance(self, z: Floats, y: NDArray[Any], grad: Floats, out: Floats, own: Floats) -> None:
        """Write half the deviance of each target and its derivative."""
        np.negative(z, out=grad)
        np.exp(grad, out=grad)
        np.multiply(grad, y, out=grad)
        np.log(y, out=own)
        np.subtract(z, own, out=out)
        np.add(out, grad, out=out)
        np.subtract(out, 1.0, out=out)
        np.subtract(1.0, grad, out=grad)
