"""Half the Poisson deviance."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from skmlp._linalg import row_sums
from skmlp._typing import Floats
from skmlp.losses.base import Loss
from skmlp.workspace import Buffer


class Poisson(Loss):
    """ℓ = Σⱼ exp(zⱼ) - yⱼ zⱼ + yⱼ log yⱼ - yⱼ, with dℓ/dz = exp(z) - y.

    Targets are counts or rates, not negative. The terms of y alone make ℓ zero for
    a perfect prediction.

    References
    ----------
    McCullagh & Nelder (1989), "Generalized linear models", chapter 6.
    """

    link = "exp"
    lowest_target = 0.0

    def buffers(self, n_outputs: int) -> dict[str, Buffer]:
        """Declare a number a row and two an output."""
        terms = Buffer(n_outputs, order="F")
        return {"rows": Buffer(), "terms": terms, "own": terms}

    def rows(
        self, raw: Floats, y: NDArray[Any], grad: Floats, scratch: Mapping[str, NDArray[Any]]
    ) -> Floats:
        """Return half the deviance of each row, and its derivative."""
        terms, own = scratch["terms"], scratch["own"]
        np.exp(raw, out=grad)
        np.subtract(grad, y, out=grad)
        np.multiply(y, raw, out=terms)
        np.subtract(grad, terms, out=terms)
        xlogy(y, y, out=own)
        np.add(terms, own, out=terms)
        return row_sums(terms, scratch["rows"])

    def inverse_link(self, raw: Floats) -> Floats:
        """Turn raw scores into means, in place; the largest float stands for more."""
        largest = np.log(np.finfo(raw.dtype).max)  # may round up
        np.minimum(raw, np.nextafter(largest, raw.dtype.type(0)), out=raw)
        np.exp(raw, out=raw)
        return raw
