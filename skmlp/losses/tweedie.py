"""Half the Tweedie deviance."""

from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from skmlp._params import Constraint, Interval
from skmlp._typing import Floats
from skmlp.losses.log_link import DevianceLoss


class Tweedie(DevianceLoss):
    """ℓ = Σⱼ F(2 - p, zⱼ) - yⱼ F(1 - p, zⱼ) + c(yⱼ) with F(a, z) = (exp(a z) - 1) / a.

    F(0, z) is z, and c makes ℓ zero for a perfect prediction. The derivative is
    exp((2 - p) z) - y exp((1 - p) z). The variance of y grows as the p-th power of its
    mean exp(z).

    Parameters
    ----------
    power : float, default=1.5
        p. Between 1 and 2: many zeros and skewed positive numbers, as claims are.
        0 is the normal distribution, 1 Poisson's, 2 the gamma and 3 the inverse
        Gaussian one. None exists between 0 and 1. Targets may be negative for
        ``power <= 0``, zero for ``power < 2``.

    References
    ----------
    Jørgensen (1987), "Exponential dispersion models". Tweedie (1984), "An index which
    distinguishes between some important exponential families".
    """

    constraints: ClassVar[Mapping[str, Constraint]] = {
        "power": Interval(Real, None, 0, closed="right") | Interval(Real, 1, None, closed="left")
    }

    def __init__(self, power: float = 1.5) -> None:
        self.power = float(power)

    @property
    def domain(self) -> Interval:
        """Return the numbers that occur for this power."""
        if self.power <= 0:
            return Interval(Real, None, None, closed="neither")
        return Interval(Real, 0, None, closed="left" if self.power < 2 else "neither")

    @property
    def steepness(self) -> float:
        """Return the largest c for which exp(± c z) occurs."""
        return max(1.0, abs(1 - self.power), abs(2 - self.power))

    def deviance(self, z: Floats, y: NDArray[Any], grad: Floats, out: Floats, own: Floats) -> None:
        """Write half the deviance of each target and its derivative."""
        a, b = 2.0 - self.power, 1.0 - self.power
        _integral(b, z, out=grad)
        np.multiply(grad, y, out=grad)
        _integral(a, z, out=out)
        np.subtract(out, grad, out=out)
        self._saturated(y, own, spare=grad)
        np.add(out, own, out=out)
        _exponential(b, z, out=own)
        np.multiply(own, y, out=own)
        _exponential(a, z, out=grad)
        np.subtract(grad, own, out=grad)

    def _saturated(self, y: NDArray[Any], out: Floats, spare: Floats) -> None:
        """Write c(y) = (F(2 - p, log y) - y + 1) / (1 - p), its limit y log y - y + 1 for p = 1.

        The logarithm of what is negative is -∞; only squares, for p = 0, take its size.
        """
        np.subtract(1.0, y, out=spare)
        if self.power == 1:
            xlogy(y, y, out=out)
            np.add(out, spare, out=out)
            return
        if self.power == 0:
            np.abs(y, out=out)
        else:
            np.maximum(y, 0.0, out=out)
        np.log(out, out=out)
        _integral(2.0 - self.power, out, out=out)
        np.add(out, spare, out=out)
        np.multiply(out, 1.0 / (1.0 - self.power), out=out)


def _exponential(a: float, z: Floats, out: Floats) -> None:
    """Write exp(a z)."""
    np.multiply(z, a, out=out)
    np.exp(out, out=out)


def _integral(a: float, z: Floats, out: Floats) -> None:
    """Write F(a, z) = (exp(a z) - 1) / a, its limit z for a = 0; `out` may be `z`."""
    if a == 0:
        np.copyto(out, z)
        return
    np.multiply(z, a, out=out)
    np.expm1(out, out=out)
    np.multiply(out, 1.0 / a, out=out)
