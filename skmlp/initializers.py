"""Initial weights: pure functions of a random stream and a shape."""

import math

import numpy as np

from skmlp._typing import Floats


def glorot_uniform(
    rng: np.random.RandomState,
    shape: int | tuple[int, ...],
    fan_in: int,
    fan_out: int,
    factor: float = 6.0,
) -> Floats:
    """Draw from U(-b, b) with b = sqrt(factor / (fan_in + fan_out)).

    Parameters
    ----------
    rng : RandomState
        Where the numbers come from; always drawn in float64.
    shape : int or tuple of int
        Shape of the result.
    fan_in, fan_out : int
        Units the layer reads and units it writes.
    factor : float, default=6.0
        6 keeps the variance of tanh and ReLU units; 2 is scikit-learn's choice for
        logistic ones.

    Returns
    -------
    ndarray of shape `shape`, float64

    References
    ----------
    Glorot & Bengio (2010), "Understanding the difficulty of training deep
    feedforward neural networks", AISTATS.

    Examples
    --------
    >>> import numpy as np
    >>> w = glorot_uniform(np.random.RandomState(0), (3, 2), 3, 2)
    >>> bool(np.all(np.abs(w) < np.sqrt(6 / 5)))
    True
    """
    bound = math.sqrt(factor / (fan_in + fan_out))
    return rng.uniform(-bound, bound, shape)
