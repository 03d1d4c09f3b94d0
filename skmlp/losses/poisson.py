"""Half the Poisson deviance."""

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from skmlp._params import Interval
from skmlp._typing import Floats
from skmlp.losses.log_link import LogLinkLoss


class Poisson(LogLinkLoss):
    """ℓ = Σⱼ exp(zⱼ) - yⱼ zⱼ + yⱼ log yⱼ - yⱼ, with dℓ/dz = exp(z) - y.

    Targets are counts or rates, not negative. The terms of y alone make ℓ zero for
    a perfect prediction.

    References
    ----------
    McCullagh & Nelder (1989), "Generalized linear models", chapter 6.
    """

    spare = ("own",)

    @property
    def domain(self) -> Interval:
        """Return the numbers that are not negative."""
        return Interval(Real, 0, None, closed="left")

    def terms(
        self,
        raw: Floats,
        y: NDArray[Any],
        grad: Floats,
        out: Floats,
        scratch: Mapping[str, NDArray[Any]],
    ) -> None:
        """Write half the deviance of each target and its derivative."""
        own = scratch["own"]
        np.exp(raw, out=grad)
        np.subtract(grad, y, out=grad)
        np.multiply(y, raw, out=out)
        np.subtract(grad, out, out=out)
        xlogy(y, y, out=own)
        np.add(out, own, out=out)
