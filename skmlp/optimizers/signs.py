"""Signs, and the prox of |w| for steps of a given length."""

import numpy as np

from skmlp._typing import Floats

#: Less than any number that matters, and a normal one in float32.
_TINY = 1e-37

#: More than any parameter and any step.
_FAR = 1e30


def sign(values: Floats, spare: Floats) -> None:
    """Let v ← v / |v|, or leave a zero.

    Three passes, which take a fraction of the time of NumPy's sign: its branches depend
    on the numbers.
    """
    np.absolute(values, spare)
    np.add(spare, _TINY, spare)
    np.divide(values, spare, values)


def steer(slopes: Floats, params: Floats, strength: float, spare: Floats) -> None:
    """Let slopes ← w + ∞ · sign(slopes - clip(slopes, ±strength)).

    Then w - clip(slopes, ±t) minimises slope · u + strength · |u| over all u with
    |u - w| ≤ t: a slope above the strength moves w by t, and a smaller one brings it
    nearer to zero by t, or to exactly zero.
    """
    np.clip(slopes, -strength, strength, out=spare)
    np.subtract(slopes, spare, slopes)
    sign(slopes, spare)
    np.multiply(slopes, _FAR, slopes)
    np.add(slopes, params, slopes)
