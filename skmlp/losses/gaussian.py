"""Negative log-likelihood of a normal distribution whose variance is learnt too."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmlp._typing import Floats
from skmlp.losses.elementwise import ElementwiseLoss, columns


class Gaussian(ElementwiseLoss):
    """ℓ = Σⱼ ½ (sⱼ + (mⱼ - yⱼ)² exp(-sⱼ)), of means m and log-variances s.

    The constant ½ log 2π is left out. Derivatives: (m - y) exp(-s) and
    ½ - ½ (m - y)² exp(-s). Where the variance is below the inverse of the root of the
    largest float, exp(-s) goes on along its tangent: no number overflows.

    References
    ----------
    Nix & Weigend (1994), "Estimating the mean and variance of the target probability
    distribution".
    """

    link = "gaussian"
    spare = ("slope",)

    @property
    def n_scores(self) -> int:
        """Return two: mean and log-variance."""
        return 2

    def terms(
        self,
        raw: Floats,
        y: NDArray[Any],
        grad: Floats,
        out: Floats,
        scratch: Mapping[str, NDArray[Any]],
    ) -> None:
        """Write the loss of each target and its derivatives."""
        (mean, log_variance), (d_mean, d_log_variance) = columns(raw, 2), columns(grad, 2)
        slope, precision = scratch["slope"], d_log_variance
        np.subtract(mean, y, out=d_mean)
        _tangent_exp(log_variance, precision, slope)
        np.multiply(slope, d_mean, out=slope)
        np.multiply(slope, d_mean, out=slope)
        np.multiply(precision, d_mean, out=out)
        np.multiply(out, d_mean, out=precision)
        np.copyto(d_mean, out)
        np.add(precision, log_variance, out=out)
        np.multiply(out, 0.5, out=out)
        np.multiply(slope, -0.5, out=slope)
        np.add(slope, 0.5, out=d_log_variance)

    def inverse_link(self, raw: Floats) -> Floats:
        """Turn log-variances into standard deviations, in place: positive and finite."""
        limits, deviation = np.finfo(raw.dtype), columns(raw, 2)[1]
        np.multiply(deviation, 0.5, out=deviation)
        low, high = np.log(limits.tiny), np.log(limits.max)
        inward = raw.dtype.type(0)  # logarithms may round outward
        np.clip(deviation, np.nextafter(low, inward), np.nextafter(high, inward), out=deviation)
        np.exp(deviation, out=deviation)
        return raw


def _tangent_exp(s: Floats, out: Floats, slope: Floats) -> None:
    """Write exp(-s) to `out` and exp(-s) to `slope`, cut where the tangent begins."""
    reach = float(np.log(np.finfo(s.dtype).max)) / 2
    np.negative(s, out=out)
    np.minimum(out, reach, out=slope)
    np.exp(slope, out=slope)
    np.subtract(out, reach, out=out)
    np.maximum(out, 0.0, out=out)
    np.add(out, 1.0, out=out)
    np.multiply(out, slope, out=out)
