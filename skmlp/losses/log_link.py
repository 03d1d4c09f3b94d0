"""Losses of a positive mean, of which the raw score is the logarithm."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmlp._typing import Floats
from skmlp.losses.elementwise import ElementwiseLoss


class LogLinkLoss(ElementwiseLoss):
    """A loss of μ = exp(z)."""

    link = "exp"

    def inverse_link(self, raw: Floats) -> Floats:
        """Turn raw scores into means, in place; the largest float stands for more."""
        largest = np.log(np.finfo(raw.dtype).max)  # may round up
        np.minimum(raw, np.nextafter(largest, raw.dtype.type(0)), out=raw)
        np.exp(raw, out=raw)
        return raw


class DevianceLoss(LogLinkLoss):
    """Half a deviance, which goes on along its tangents where means are extreme.

    A member writes the deviance for raw scores between ± ``reach``. Beyond, value and
    derivative stay finite.
    """

    spare = ("inner", "own")

    @property
    def steepness(self) -> float:
        """Return the largest c for which exp(± c z) occurs."""
        return 1.0

    def reach(self, dtype: np.dtype[Any]) -> float:
        """Return the raw score up to which all exponentials are below √(largest float)."""
        return float(np.log(np.finfo(dtype).max)) / 2 / self.steepness

    def terms(
        self,
        raw: Floats,
        y: NDArray[Any],
        grad: Floats,
        out: Floats,
        scratch: Mapping[str, NDArray[Any]],
    ) -> None:
        """Write half the deviance of each target and its derivative."""
        inner, reach = scratch["inner"], self.reach(raw.dtype)
        np.clip(raw, -reach, reach, out=inner)
        self.deviance(inner, y, grad, out, scratch["own"])
        np.subtract(raw, inner, out=inner)
        np.multiply(inner, grad, out=inner)
        np.add(out, inner, out=out)

    @abstractmethod
    def deviance(self, z: Floats, y: NDArray[Any], grad: Floats, out: Floats, own: Floats) -> None:
        """Write half the deviance to `out` and its derivative to `grad`; `own` is scratch."""
