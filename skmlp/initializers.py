"""Initial weights: pure functions of a random stream, a shape and the fans of a layer.

A function that draws weights or biases is called with the stream, the shape of the
result, the units the layer reads (``fan_in``) and writes (``fan_out``), and the gain of
the activation, and returns float64. It takes what it needs of these.

Gains: those of Glorot, He and LeCun are part of their formulas (He's √2 is that of the
rectifier); only ``orthogonal`` asks for the one of the activation.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from skmlp._typing import Floats

Shape: TypeAlias = int | tuple[int, ...]
Initializer: TypeAlias = Callable[[np.random.RandomState, Shape, int, int, float], Floats]

#: Rows of which a random mean makes the bias of one unit.
SIMPLEX_ROWS = 5


def automatic(
    rng: np.random.RandomState, shape: Shape, fan_in: int, fan_out: int, factor: float
) -> Floats:
    """Draw from U(-b, b) with b = sqrt(factor / (fan_in + fan_out)), as scikit-learn does.

    The factor is 2 for logistic units and 6 for all others. Biases are drawn like weights.

    References
    ----------
    Glorot & Bengio (2010), "Understanding the difficulty of training deep
    feedforward neural networks", AISTATS.

    Examples
    --------
    >>> import numpy as np
    >>> w = automatic(np.random.RandomState(0), (3, 2), 3, 2, 6.0)
    >>> bool(np.all(np.abs(w) < np.sqrt(6 / 5)))
    True
    """
    bound = math.sqrt(factor / (fan_in + fan_out))
    return rng.uniform(-bound, bound, shape)


def glorot_uniform(
    rng: np.random.RandomState, shape: Shape, fan_in: int, fan_out: int, *_: float
) -> Floats:
    """Draw from U(-b, b) with b = sqrt(6 / (fan_in + fan_out)).

    References
    ----------
    Glorot & Bengio (2010), "Understanding the difficulty of training deep
    feedforward neural networks", AISTATS.
    """
    return automatic(rng, shape, fan_in, fan_out, 6.0)


def glorot_normal(
    rng: np.random.RandomState, shape: Shape, fan_in: int, fan_out: int, *_: float
) -> Floats:
    """Draw from N(0, σ²) with σ² = 2 / (fan_in + fan_out).

    References
    ----------
    Glorot & Bengio (2010), "Understanding the difficulty of training deep
    feedforward neural networks", AISTATS.
    """
    return rng.normal(0.0, math.sqrt(2 / (fan_in + fan_out)), shape)


def he_uniform(rng: np.random.RandomState, shape: Shape, fan_in: int, *_: float) -> Floats:
    """Draw from U(-b, b) with b = sqrt(6 / fan_in): the variance 2 / fan_in keeps that of relu.

    References
    ----------
    He, Zhang, Ren & Sun (2015), "Delving deep into rectifiers: surpassing human-level
    performance on ImageNet classification", ICCV.
    """
    bound = math.sqrt(6 / fan_in)
    return rng.uniform(-bound, bound, shape)


def he_normal(rng: np.random.RandomState, shape: Shape, fan_in: int, *_: float) -> Floats:
    """Draw from N(0, σ²) with σ² = 2 / fan_in, which keeps the variance of relu units.

    References
    ----------
    He, Zhang, Ren & Sun (2015), "Delving deep into rectifiers: surpassing human-level
    performance on ImageNet classification", ICCV.
    """
    return rng.normal(0.0, math.sqrt(2 / fan_in), shape)


def lecun_uniform(rng: np.random.RandomState, shape: Shape, fan_in: int, *_: float) -> Floats:
    """Draw from U(-b, b) with b = sqrt(3 / fan_in): the variance is 1 / fan_in.

    References
    ----------
    LeCun, Bottou, Orr & Müller (1998), "Efficient BackProp".
    """
    bound = math.sqrt(3 / fan_in)
    return rng.uniform(-bound, bound, shape)


def lecun_normal(rng: np.random.RandomState, shape: Shape, fan_in: int, *_: float) -> Floats:
    """Draw from N(0, σ²) with σ² = 1 / fan_in, which selu calls for.

    References
    ----------
    LeCun, Bottou, Orr & Müller (1998), "Efficient BackProp"; Klambauer et al. (2017),
    "Self-normalizing neural networks", NeurIPS.
    """
    return rng.normal(0.0, math.sqrt(1 / fan_in), shape)


def orthogonal(
    rng: np.random.RandomState, shape: Shape, _fan_in: int, _fan_out: int, gain: float
) -> Floats:
    """Draw W with Wᵀ W = gain² I, or W Wᵀ = gain² I if it has more columns than rows.

    It is the Q of the QR decomposition of normal numbers; with the diagonal of R
    positive, all orthogonal matrices are equally likely.

    References
    ----------
    Saxe, McClelland & Ganguli (2014), "Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks", ICLR. Mezzadri (2007), "How to generate
    random matrices from the classical compact groups", Notices of the AMS 54.
    """
    normal = rng.normal(size=shape)
    wide = normal.shape[0] < normal.shape[1]
    q, r = np.linalg.qr(normal.T if wide else normal)
    q *= gain * np.where(np.diag(r) < 0, -1.0, 1.0)
    return q.T if wide else q


def zeros(_rng: np.random.RandomState, shape: Shape, *_: float) -> Floats:
    """Return w = 0: for biases, or an output layer that starts from the mean.

    References
    ----------
    Zhang, Dauphin & Ma (2019), "Fixup initialization: residual learning without
    normalization", ICLR, for the output layer.
    """
    return np.zeros(shape)


def reciprocal_root(rng: np.random.RandomState, shape: Shape, fan_in: int, *_: float) -> Floats:
    """Draw from U(-b, b) with b = 1 / sqrt(fan_in), as PyTorch draws biases.

    References
    ----------
    LeCun, Bottou, Orr & Müller (1998), "Efficient BackProp".
    """
    bound = 1 / math.sqrt(fan_in)
    return rng.uniform(-bound, bound, shape)


# -- made of the data ------------------------------------------------------------------


def deviations(z: Floats, weight: Floats | None) -> Floats:
    """Return the standard deviation σ of each column, or 1 where all rows are the same.

    Weights divided by σ give pre-activations of variance 1.

    Parameters
    ----------
    z : ndarray of shape (n, n_units), float64
        Pre-activations.
    weight : ndarray of shape (n,) or None
        Weights of the rows; None for equal ones.

    Returns
    -------
    ndarray of shape (n_units,)

    References
    ----------
    Mishkin & Matas (2016), "All you need is a good init", ICLR.
    """
    mean = np.average(z, axis=0, weights=weight)
    deviation = np.sqrt(np.average((z - mean) ** 2, axis=0, weights=weight))
    # Of a constant column nothing but rounding is left, about 1e-16 of the mean.
    return np.where(deviation > 1e-12 * np.abs(mean), deviation, 1.0)


def simplex_bias(z: Floats, weight: Floats | None, rng: np.random.RandomState) -> Floats:
    """Return b = -Σ sᵢ zᵢ for each column, with a random mean s of five random rows.

    So each unit turns somewhere among the data. The mean is uniform on the simplex.

    Parameters
    ----------
    z : ndarray of shape (n, n_units)
        Pre-activations without bias.
    weight : ndarray of shape (n,) or None
        Weights of the rows: how likely each is drawn; None for equal ones.
    rng : RandomState
        Where the random numbers come from.

    Returns
    -------
    ndarray of shape (n_units,)

    References
    ----------
    Steinwart (2019), "A sober look at neural network initializations", arXiv
    1903.11482; Holzmüller, Grinsztajn & Steinwart (2024), "Better by default", NeurIPS.
    """
    n, n_units = z.shape
    likely = None if weight is None else weight / weight.sum()
    rows = rng.choice(n, (SIMPLEX_ROWS, n_units), p=likely)
    share = rng.standard_exponential((SIMPLEX_ROWS, n_units))
    share /= share.sum(axis=0)
    middle: Floats = (share * z[rows, np.arange(n_units)]).sum(axis=0)
    return -middle


#: Named ways to draw weights. The last is where ``Dense.adapt`` starts from.
INITIALIZERS: dict[str, Initializer] = {
    "glorot_uniform": glorot_uniform,
    "glorot_normal": glorot_normal,
    "he_uniform": he_uniform,
    "he_normal": he_normal,
    "lecun_uniform": lecun_uniform,
    "lecun_normal": lecun_normal,
    "orthogonal": orthogonal,
    "zeros": zeros,
    "unit_variance": lecun_normal,
}

#: Named ways to draw biases. The last is where ``Dense.adapt`` starts from.
BIAS_INITIALIZERS: dict[str, Initializer] = {
    "zeros": zeros,
    "uniform": reciprocal_root,
    "he5": zeros,
}
