"""Activation functions: value and derivative side by side, one short class each.

``forward`` may write its values over its input. ``backward`` is handed the values
that ``train`` left, is their last reader, and so may use them as scratch.

Functions that take several passes over an array do so piece by piece, with scratch of
the length of a piece, so that the pieces stay in the cache. The NumPy functions used
are those it vectorises on most processors: tanh and exp, not expm1 and log1p.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.polynomial.chebyshev import chebpts1
from scipy.special import erfcx

from skmlp._params import Constraint, Interval
from skmlp._typing import Floats, Views

#: Bytes of a piece of an array.
PIECE = 2**17


#: The natural number that is as long as a float.
_NATURAL: dict[str, Any] = {"f": np.uint32, "d": np.uint64}

#: Zeros to compare with. Nobody writes to them, so the system backs them by a single page.
_ZEROS = {dtype: np.zeros(2**18, dtype) for dtype in _NATURAL}


class Activation(ABC):
    """An elementwise function of the hidden units.

    Two instances are equal if they are the same function.

    Attributes
    ----------
    constraints : mapping of str to Constraint
        What the arguments of the constructor may be.
    glorot_factor : float
        Numerator of the squared bound of the uniform Glorot initialiser,
        ``sqrt(glorot_factor / (fan_in + fan_out))``.
    buffers : tuple of str
        Names of the arrays, of the shape of a batch of z, that ``train`` fills for
        ``backward``; none where f'(z) follows from f(z).
    dropout : str
        Name of the dropout layer that fits its values.
    """

    constraints: ClassVar[Mapping[str, Constraint]] = {}
    glorot_factor: ClassVar[float] = 6.0
    buffers: ClassVar[tuple[str, ...]] = ()
    dropout: ClassVar[str] = "dropout"

    @abstractmethod
    def forward(self, z: Floats, out: Floats) -> None:
        """Write f(z) to `out`, which may be `z` itself."""

    def train(self, z: Floats, out: Floats, s: Views) -> None:
        """Write f(z) to `out`, which may be `z` itself, and fill the buffers `s`."""
        self.forward(z, out)

    @abstractmethod
    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        """Write dout * f'(z) to `dx`, which may be `dout` itself.

        `out` holds f(z) and `s` what ``train`` kept; both may be overwritten.
        """

    def wire(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> Callable[[], None]:
        """Return ``backward`` for memory that is the same in every step.

        A function overrides this if there is something to look up once.
        """
        return partial(self.backward, out, dout, dx, s)

    def gain(self) -> float:
        """Return 1 / sqrt(E f(z)²) for z ~ N(0, 1): √2 for relu, 1 for selu.

        Weights that read the units are multiplied by it so that the next ones have the
        variance of these.

        References
        ----------
        He, Zhang, Ren & Sun (2015), "Delving deep into rectifiers", ICCV, section 2.2.
        """
        z = np.linspace(-9.0, 9.0, 6001)[None]
        density = np.exp(-(z**2) / 2)
        self.forward(z, z)
        return math.sqrt(density.sum() / (density * z**2).sum())

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).items()))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({arguments})"


def _pieces(
    read: tuple[Floats, ...], written: tuple[Floats, ...], n_scratch: int
) -> Iterator[tuple[Floats, ...]]:
    """Yield arrays of one shape, piece by piece, and as many arrays of scratch as asked for.

    An array may be both read and written. Pieces are one-dimensional and contiguous,
    whatever the layout of the arrays.
    """
    length = PIECE // read[0].itemsize
    access: Any = [["readonly"]] * len(read) + [["writeonly"]] * len(written)
    arrays: Any = (*read, *written)
    scratch = np.empty((n_scratch, min(length, read[0].size)), read[0].dtype)
    with np.nditer(arrays, ["external_loop", "buffered"], access, buffersize=length) as it:
        for pieces in it:
            yield (*pieces, *scratch[:, : len(pieces[0])])


def _positive(z: Floats, out: Floats) -> None:
    """Write max(z, 0), and never -0.

    NumPy's maximum of two arrays takes a third of the time of that of an array and a scalar.
    """
    zeros = _ZEROS[z.dtype.char]
    if z.size <= len(zeros):
        np.maximum(z, zeros[: z.size].reshape(z.shape), out=out)
    elif len(z) == 1:
        _positive(z[0], out[0])
    else:
        n = max(len(zeros) * len(z) // z.size, 1)
        for first in range(0, len(z), n):
            _positive(z[first : first + n], out[first : first + n])


def _negative(z: Floats, out: Floats) -> None:
    """Write min(z, 0)."""
    np.clip(z, -np.inf, 0.0, out=out)


def _step(z: Floats, out: Floats) -> None:
    """Write 1 where z > 0 and 0 elsewhere: the ceiling of z cut to [0, 1]."""
    np.clip(z, 0.0, 1.0, out=out)
    np.ceil(out, out=out)


def _sigmoid_of_negative(z: Floats, out: Floats) -> None:
    """Write 1 / (1 + exp(z)), to its last digit where it is tiny."""
    np.exp(z, out=out)
    np.add(out, 1.0, out=out)
    np.divide(1.0, out, out=out)


class Identity(Activation):
    """f(z) = z, with derivative 1: a linear bottleneck.

    References
    ----------
    scikit-learn user guide, "Neural network models (supervised)".
    """

    def forward(self, z: Floats, out: Floats) -> None:
        if out is not z:
            np.copyto(out, z)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        if dx is not dout:
            np.copyto(dx, dout)


class Logistic(Activation):
    """f(z) = 1 / (1 + exp(-z)) = (1 + tanh(z/2)) / 2, with derivative f (1 - f).

    References
    ----------
    Rumelhart, Hinton & Williams (1986), "Learning representations by
    back-propagating errors", Nature 323.
    """

    glorot_factor = 2.0

    def forward(self, z: Floats, out: Floats) -> None:
        # tanh is vectorised in NumPy, expit in SciPy is not: five times faster.
        np.multiply(z, 0.5, out=out)
        np.tanh(out, out=out)
        np.multiply(out, 0.5, out=out)
        np.add(out, 0.5, out=out)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        np.multiply(dout, out, out=dx)
        np.subtract(1.0, out, out=out)
        np.multiply(dx, out, out=dx)


class Tanh(Activation):
    """f(z) = tanh(z), with derivative 1 - f².

    References
    ----------
    LeCun, Bottou, Orr & Müller (1998), "Efficient BackProp".
    """

    def forward(self, z: Floats, out: Floats) -> None:
        np.tanh(z, out=out)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        np.multiply(out, out, out=out)
        np.subtract(1.0, out, out=out)
        np.multiply(dout, out, out=dx)


class Relu(Activation):
    """f(z) = max(0, z), with derivative 1 where f > 0 and 0 elsewhere.

    References
    ----------
    Nair & Hinton (2010), "Rectified linear units improve restricted Boltzmann
    machines", ICML.
    """

    def forward(self, z: Floats, out: Floats) -> None:
        _positive(z, out)

    def wire(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> Callable[[], None]:
        # Read as natural numbers the bits of f have the sign 0 where f is 0 and 1 elsewhere; a
        # product with that leaves the bits of dout alone or clears them. f is never -0.
        natural = _NATURAL[out.dtype.char]
        mask, given, result = out.view(natural), dout.view(natural), dx.view(natural)

        def backward() -> None:
            np.sign(mask, mask)
            np.multiply(given, mask, result)

        return backward

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        self.wire(out, dout, dx, s)()


class LeakyRelu(Activation):
    """f(z) = max(z, a z), with derivative 1 where f > 0 and a elsewhere.

    Parameters
    ----------
    negative_slope : float, default=0.01
        a.

    References
    ----------
    Maas, Hannun & Ng (2013), "Rectifier nonlinearities improve neural network
    acoustic models", ICML workshop.
    """

    constraints = {"negative_slope": Interval(Real, 0, 1, closed="neither")}

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = float(negative_slope)

    def forward(self, z: Floats, out: Floats) -> None:
        for x, y, t in _pieces((z,), (out,), 1):
            np.multiply(x, self.negative_slope, out=t)
            np.maximum(x, t, out=y)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        np.ceil(out, out=out)
        np.clip(out, self.negative_slope, 1.0, out=out)
        np.multiply(dout, out, out=dx)


# -- made of an exponential ------------------------------------------------------------


def _bent(z: Floats, out: Floats, size: float, rate: float) -> None:
    """Write max(z, 0) + size (exp(min(z, 0) rate) - 1).

    With τ = tanh(x / 2), exp(x) - 1 = 2 τ / (1 - τ), to its last digit for x ≤ 0.
    """
    for x, y, t, u in _pieces((z,), (out,), 2):
        _negative(x, t)
        np.multiply(t, rate / 2, out=t)
        np.tanh(t, out=t)
        np.subtract(1.0, t, out=u)
        np.divide(t, u, out=t)
        np.multiply(t, 2 * size, out=t)
        _positive(x, u)
        np.add(t, u, out=y)


class Elu(Activation):
    """f(z) = max(z, 0) + exp(min(z, 0)) - 1, with derivative 1 + min(f, 0).

    References
    ----------
    Clevert, Unterthiner & Hochreiter (2016), "Fast and accurate deep network learning
    by exponential linear units (ELUs)", ICLR.
    """

    def forward(self, z: Floats, out: Floats) -> None:
        _bent(z, out, size=1.0, rate=1.0)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        _negative(out, out)
        np.add(out, 1.0, out=out)
        np.multiply(dout, out, out=dx)


class Celu(Activation):
    """f(z) = max(z, 0) + α (exp(min(z, 0) / α) - 1), with derivative 1 + min(f, 0) / α.

    Parameters
    ----------
    alpha : float, default=1.0
        -α is the value for z → -∞; the derivative is continuous for each α.

    References
    ----------
    Barron (2017), "Continuously differentiable exponential linear units",
    arXiv 1704.07483.
    """

    constraints = {"alpha": Interval(Real, 0, None, closed="neither")}

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = float(alpha)

    def forward(self, z: Floats, out: Floats) -> None:
        _bent(z, out, size=self.alpha, rate=1 / self.alpha)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        _negative(out, out)
        np.multiply(out, 1 / self.alpha, out=out)
        np.add(out, 1.0, out=out)
        np.multiply(dout, out, out=dx)


class Selu(Activation):
    """f(z) = λ (max(z, 0) + α (exp(min(z, 0)) - 1)), which keeps mean 0 and variance 1.

    The derivative is λ where f > 0 and f + λ α elsewhere.

    References
    ----------
    Klambauer, Unterthiner, Mayr & Hochreiter (2017), "Self-normalizing neural
    networks", NeurIPS.
    """

    dropout = "alpha_dropout"

    #: λ and α: the fixed point of mean and variance is 0 and 1.
    scale = 1.0507009873554804934193349852946
    alpha = 1.6732632423543772848170429916717

    def forward(self, z: Floats, out: Floats) -> None:
        _bent(z, out, size=self.alpha, rate=1.0)
        np.multiply(out, self.scale, out=out)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        below = self.scale * self.alpha
        for y, dy, dz, t, u in _pieces((out, dout), (dx,), 2):
            _step(y, t)
            np.multiply(t, self.scale - below, out=t)
            _negative(y, u)
            np.add(u, below, out=u)
            np.add(u, t, out=u)
            np.multiply(dy, u, out=dz)


def _log1p_exp(z: Floats, out: Floats, t: Floats) -> None:
    """Write log(1 + exp(-|z|)).

    The sum w = 1 + e is rounded. log(w) + (e - (w - 1)) / w makes up for what it lost.
    """
    np.abs(z, out=out)
    np.negative(out, out=out)
    np.exp(out, out=out)
    np.add(out, 1.0, out=t)
    np.subtract(t, 1.0, out=t)
    np.subtract(out, t, out=out)
    np.add(t, 1.0, out=t)
    np.divide(out, t, out=out)
    np.log(t, out=t)
    np.add(out, t, out=out)


def _softplus_backward(out: Floats, dout: Floats, dx: Floats) -> None:
    """Write dout (1 - exp(-f)) = dout 2 τ / (1 + τ) with τ = tanh(f / 2)."""
    np.multiply(out, 0.5, out=out)
    np.tanh(out, out=out)
    np.multiply(dout, out, out=dx)
    np.add(out, 1.0, out=out)
    np.divide(dx, out, out=dx)
    np.multiply(dx, 2.0, out=dx)


class Softplus(Activation):
    """f(z) = log(1 + exp(z)), with derivative 1 - exp(-f).

    References
    ----------
    Dugas, Bengio, Bélisle, Nadeau & Garcia (2001), "Incorporating second-order
    functional knowledge for better option pricing", NeurIPS.
    """

    def forward(self, z: Floats, out: Floats) -> None:
        for x, y, t, u in _pieces((z,), (out,), 2):
            _log1p_exp(x, t, u)
            _positive(x, u)
            np.add(t, u, out=y)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        _softplus_backward(out, dout, dx)


class LogSigmoid(Activation):
    """f(z) = -log(1 + exp(-z)), with derivative 1 - exp(f).

    References
    ----------
    The softplus of Dugas et al. (2001), turned by 180 degrees.
    """

    def forward(self, z: Floats, out: Floats) -> None:
        for x, y, t, u in _pieces((z,), (out,), 2):
            _log1p_exp(x, t, u)
            _negative(x, u)
            np.subtract(u, t, out=y)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        np.negative(out, out=out)
        _softplus_backward(out, dout, dx)


# -- gated: f(z) = z g(z) --------------------------------------------------------------


class Gated(Activation):
    """f(z) = z g(z) with a gate g between 0 and 1, and f'(z) = g(z) + z g'(z)."""

    buffers = ("slope",)

    @abstractmethod
    def gate(self, z: Floats, g: Floats, t: Floats, u: Floats) -> None:
        """Write g(z) to `g`, and leave what ``slope`` needs in `t` and `u`."""

    @abstractmethod
    def slope(self, f: Floats, g: Floats, t: Floats, u: Floats) -> None:
        """Turn `g` into g + z g'(z), given f(z) and what ``gate`` left in `t` and `u`."""

    def forward(self, z: Floats, out: Floats) -> None:
        for x, y, g, t, u in _pieces((z,), (out,), 3):
            self.gate(x, g, t, u)
            np.multiply(x, g, out=y)

    def train(self, z: Floats, out: Floats, s: Views) -> None:
        for x, y, g, t, u in _pieces((z,), (out, s["slope"]), 2):
            self.gate(x, g, t, u)
            np.multiply(x, g, out=y)
            self.slope(y, g, t, u)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        np.multiply(dout, s["slope"], out=dx)


class Silu(Gated):
    """f(z) = z σ(z) with σ(z) = 1 / (1 + exp(-z)), and z σ' = f (1 - σ).

    References
    ----------
    Elfwing, Uchibe & Doya (2018), "Sigmoid-weighted linear units for neural network
    function approximation in reinforcement learning", Neural Networks 107.
    """

    def gate(self, z: Floats, g: Floats, t: Floats, u: Floats) -> None:
        np.negative(z, out=g)
        _sigmoid_of_negative(g, g)

    def slope(self, f: Floats, g: Floats, t: Floats, u: Floats) -> None:
        np.subtract(1.0, g, out=t)
        np.multiply(t, f, out=t)
        np.add(g, t, out=g)


class GeluTanh(Gated):
    """f(z) = z σ(v), v = √(8/π) (z + 0.044715 z³), that is z (1 + tanh(v/2)) / 2 ≈ gelu.

    With it z σ' = f (1 - σ) v'.

    References
    ----------
    Hendrycks & Gimpel (2016), "Gaussian error linear units (GELUs)", arXiv 1606.08415.
    """

    #: v = z (linear + cubic z²).
    linear = math.sqrt(8 / math.pi)
    cubic = 0.044715 * linear

    def gate(self, z: Floats, g: Floats, t: Floats, u: Floats) -> None:
        np.square(z, out=t)
        np.multiply(t, -self.cubic, out=g)
        np.subtract(g, self.linear, out=g)
        np.multiply(g, z, out=g)
        _sigmoid_of_negative(g, g)

    def slope(self, f: Floats, g: Floats, t: Floats, u: Floats) -> None:
        np.multiply(t, 3 * self.cubic, out=t)
        np.add(t, self.linear, out=t)
        np.subtract(1.0, g, out=u)
        np.multiply(u, f, out=u)
        np.multiply(t, u, out=t)
        np.add(g, t, out=g)


@cache
def _tail(dtype: str) -> list[float]:
    """Return the coefficients of a polynomial P with Φ(-x) = exp(-x²/2) P(1 / (x + 4)), x ≥ 0.

    Its error is below the rounding of x Φ(-x); the weight keeps Φ(-x) accurate, too,
    where it is small.
    """
    degree = {"f": 7, "d": 16}[dtype]
    points: Any = (1 + chebpts1(400)) / 8
    x = 1 / points - 4
    weight = np.exp(-(x**2) / 16) + 1e-9
    fit = Chebyshev.fit(points, erfcx(x / math.sqrt(2)) / 2, degree, domain=[0, 1 / 4], w=weight)
    return [float(c) for c in fit.convert(kind=Polynomial).coef]


class Gelu(Gated):
    """f(z) = z Φ(z) with the normal distribution function Φ, and z Φ' = z exp(-z²/2) / √(2π).

    With x = |z|, Φ(-x) is exp(-x²/2) times a polynomial in 1 / (x + 4), which is exact to
    the working precision and several times faster than ``scipy.special.erf``.

    References
    ----------
    Hendrycks & Gimpel (2016), "Gaussian error linear units (GELUs)", arXiv 1606.08415.
    Abramowitz & Stegun (1964), "Handbook of mathematical functions", 26.2.17, for the
    form of the approximation.
    """

    def gate(self, z: Floats, g: Floats, t: Floats, u: Floats) -> None:
        self._polynomial(z, g, t)
        np.square(z, out=t)
        np.multiply(t, -0.5, out=t)
        np.exp(t, out=t)
        np.multiply(g, t, out=g)
        # Φ(z) is Φ(-x) below zero and 1 - Φ(-x) above: its distance from a step.
        _step(z, u)
        np.subtract(u, g, out=g)
        np.abs(g, out=g)
        np.multiply(t, z, out=t)

    def _polynomial(self, z: Floats, g: Floats, t: Floats) -> None:
        """Write P(1 / (|z| + 4)) to `g`, by Horner's rule."""
        np.abs(z, out=t)
        np.add(t, 4.0, out=t)
        np.divide(1.0, t, out=t)
        *lower, second, first = _tail(z.dtype.char)
        np.multiply(t, first, out=g)
        np.add(g, second, out=g)
        for coefficient in reversed(lower):
            np.multiply(g, t, out=g)
            np.add(g, coefficient, out=g)

    def slope(self, f: Floats, g: Floats, t: Floats, u: Floats) -> None:
        np.multiply(t, 1 / math.sqrt(2 * math.pi), out=t)
        np.add(g, t, out=g)


class Mish(Gated):
    """f(z) = z tanh(log(1 + exp(z))).

    With e = exp(z) the gate is g = e / q, q = e + 2 / (e + 2), and
    z g' = f · 4 (1 + e) / ((e + 2)² q).

    References
    ----------
    Misra (2020), "Mish: a self regularized non-monotonic activation function", BMVC.
    """

    def gate(self, z: Floats, g: Floats, t: Floats, u: Floats) -> None:
        # From z = 20 on g rounds to 1, and the square of e would overflow.
        np.clip(z, -np.inf, 20.0, out=t)
        np.exp(t, out=t)
        np.add(t, 2.0, out=u)
        np.divide(2.0, u, out=u)
        np.add(u, t, out=g)
        np.divide(t, g, out=g)

    def slope(self, f: Floats, g: Floats, t: Floats, u: Floats) -> None:
        np.add(t, u, out=t)
        np.subtract(1.0, u, out=u)
        np.square(u, out=u)
        np.subtract(1.0, u, out=u)
        np.divide(u, t, out=u)
        np.multiply(u, f, out=u)
        np.add(g, u, out=g)


# -- made of straight lines, and of quotients ------------------------------------------


def _keep_inside(g: Floats, dout: Floats, dx: Floats) -> None:
    """Write dout (⌈g⌉ - ⌊g⌋): dout where 0 < g < 1, and 0 where g is 0 or 1."""
    for x, dy, dz, t, u in _pieces((g, dout), (dx,), 2):
        np.ceil(x, out=t)
        np.floor(x, out=u)
        np.subtract(t, u, out=t)
        np.multiply(dy, t, out=dz)


def _keep_nonzero(out: Floats, dout: Floats, dx: Floats) -> None:
    """Write dout where f ≠ 0, and 0 elsewhere."""
    np.abs(out, out=out)
    _step(out, out)
    np.multiply(dout, out, out=dx)


class HardTanh(Activation):
    """f(z) = min(max(z, -1), 1), with derivative 1 where |f| < 1 and 0 elsewhere.

    References
    ----------
    Collobert (2004), "Large scale machine learning", PhD thesis, Université Paris VI.
    """

    def forward(self, z: Floats, out: Floats) -> None:
        np.clip(z, -1.0, 1.0, out=out)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        np.abs(out, out=out)
        np.floor(out, out=out)
        np.subtract(1.0, out, out=out)
        np.multiply(dout, out, out=dx)


class Relu6(Activation):
    """f(z) = min(max(z, 0), 6), with derivative 1 where 0 < f < 6 and 0 elsewhere.

    References
    ----------
    Krizhevsky (2010), "Convolutional deep belief networks on CIFAR-10", University of
    Toronto.
    """

    def forward(self, z: Floats, out: Floats) -> None:
        np.clip(z, 0.0, 6.0, out=out)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        np.multiply(out, 1 / 6, out=out)
        _keep_inside(out, dout, dx)


class HardSigmoid(Activation):
    """f(z) = min(max(z + 3, 0), 6) / 6, with derivative 1/6 where 0 < f < 1 and 0 elsewhere.

    References
    ----------
    Courbariaux, Bengio & David (2015), "BinaryConnect", NeurIPS; with the slope of
    Howard et al. (2019), "Searching for MobileNetV3", ICCV.
    """

    def forward(self, z: Floats, out: Floats) -> None:
        np.add(z, 3.0, out=out)
        np.clip(out, 0.0, 6.0, out=out)
        np.multiply(out, 1 / 6, out=out)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        _keep_inside(out, dout, dx)
        np.multiply(dx, 1 / 6, out=dx)


class HardSwish(Gated):
    """f(z) = z (1 + r) / 2 with r = min(max(z / 3, -1), 1), and f' = 1/2 + r - ⌊r⌋₀ / 2.

    ⌊r⌋₀ is r without its fraction: it is 0 unless r is -1 or 1.

    References
    ----------
    Howard et al. (2019), "Searching for MobileNetV3", ICCV.
    """

    def gate(self, z: Floats, g: Floats, t: Floats, u: Floats) -> None:
        np.multiply(z, 1 / 3, out=t)
        np.clip(t, -1.0, 1.0, out=t)
        np.multiply(t, 0.5, out=g)
        np.add(g, 0.5, out=g)

    def slope(self, f: Floats, g: Floats, t: Floats, u: Floats) -> None:
        np.trunc(t, out=g)
        np.multiply(g, -0.5, out=g)
        np.add(g, t, out=g)
        np.add(g, 0.5, out=g)


class Softsign(Activation):
    """f(z) = z / (1 + |z|), with derivative (1 - |f|)².

    References
    ----------
    Bergstra, Desjardins, Lamblin & Bengio (2009), "Quadratic polynomials learn better
    image features", Université de Montréal, technical report 1337.
    """

    def forward(self, z: Floats, out: Floats) -> None:
        for x, y, t in _pieces((z,), (out,), 1):
            np.abs(x, out=t)
            np.add(t, 1.0, out=t)
            np.divide(x, t, out=y)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        np.abs(out, out=out)
        np.subtract(1.0, out, out=out)
        np.square(out, out=out)
        np.multiply(dout, out, out=dx)


# -- shrinkage: zero near zero ---------------------------------------------------------


class SoftShrink(Activation):
    """f(z) = z - min(max(z, -λ), λ), with derivative 1 where f ≠ 0 and 0 elsewhere.

    Parameters
    ----------
    threshold : float, default=0.5
        λ.

    References
    ----------
    Donoho (1995), "De-noising by soft-thresholding", IEEE Transactions on Information
    Theory 41.
    """

    constraints = {"threshold": Interval(Real, 0, None, closed="left")}

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = float(threshold)

    def forward(self, z: Floats, out: Floats) -> None:
        for x, y, t in _pieces((z,), (out,), 1):
            np.clip(x, -self.threshold, self.threshold, out=t)
            np.subtract(x, t, out=y)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        _keep_nonzero(out, dout, dx)


class HardShrink(Activation):
    """f(z) = z where |z| > λ and 0 elsewhere, with derivative 1 where f ≠ 0 and 0 elsewhere.

    Parameters
    ----------
    threshold : float, default=0.5
        λ.

    References
    ----------
    Donoho & Johnstone (1994), "Ideal spatial adaptation by wavelet shrinkage",
    Biometrika 81.
    """

    constraints = {"threshold": Interval(Real, 0, None, closed="left")}

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = float(threshold)

    def forward(self, z: Floats, out: Floats) -> None:
        for x, y, t in _pieces((z,), (out,), 1):
            np.abs(x, out=t)
            np.subtract(t, self.threshold, out=t)
            _step(t, t)
            np.multiply(x, t, out=y)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        _keep_nonzero(out, dout, dx)


class TanhShrink(Activation):
    """f(z) = z - tanh(z), with derivative tanh(z)².

    References
    ----------
    Kavukcuoglu, Ranzato & LeCun (2008), "Fast inference in sparse coding algorithms
    with applications to object recognition", New York University, CBLL-TR-2008-12-01.
    """

    buffers = ("slope",)

    def forward(self, z: Floats, out: Floats) -> None:
        for x, y, t in _pieces((z,), (out,), 1):
            np.tanh(x, out=t)
            np.subtract(x, t, out=y)

    def train(self, z: Floats, out: Floats, s: Views) -> None:
        np.tanh(z, out=s["slope"])
        np.subtract(z, s["slope"], out=out)

    def backward(self, out: Floats, dout: Floats, dx: Floats, s: Views) -> None:
        np.square(s["slope"], out=s["slope"])
        np.multiply(dout, s["slope"], out=dx)


ACTIVATIONS: dict[str, type[Activation]] = {
    "identity": Identity,
    "logistic": Logistic,
    "tanh": Tanh,
    "relu": Relu,
    "leaky_relu": LeakyRelu,
    "elu": Elu,
    "celu": Celu,
    "selu": Selu,
    "gelu": Gelu,
    "gelu_tanh": GeluTanh,
    "silu": Silu,
    "mish": Mish,
    "softplus": Softplus,
    "log_sigmoid": LogSigmoid,
    "softsign": Softsign,
    "hard_sigmoid": HardSigmoid,
    "hard_tanh": HardTanh,
    "hard_swish": HardSwish,
    "relu6": Relu6,
    "hard_shrink": HardShrink,
    "soft_shrink": SoftShrink,
    "tanh_shrink": TanhShrink,
}
