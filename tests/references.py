"""Textbook formulas, written for reading: what the engine is compared with."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats
from scipy.special import xlogy
from sklearn.metrics import (
    log_loss,
    mean_absolute_error,
    mean_gamma_deviance,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
    mean_tweedie_deviance,
)

from skmlp.schedules import Progress

Array = NDArray[Any]

# -- derivatives ---------------------------------------------------------------------


def slope(function: Callable[[Any], Any], x: Any, step: float) -> Any:
    """Return f'(x) = (8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12h + O(h⁴)."""
    near = function(x + step) - function(x - step)
    far = function(x + 2 * step) - function(x - 2 * step)
    return (8 * near - far) / (12 * step)


def central_differences(function: Callable[[], float], x: Array, step: float = 1e-4) -> Array:
    """Return the derivative of a function that reads the array `x`, entry by entry."""
    gradient = np.empty_like(x)

    def put(i: tuple[int, ...], value: float) -> float:
        x[i] = value
        return function()

    for i in np.ndindex(x.shape):
        kept = x[i]
        gradient[i] = slope(partial(put, i), kept, step)
        x[i] = kept
    return gradient


def slope_along(function: Callable[[], float], x: Array, direction: Array) -> float:
    """Return the derivative of a function that reads the vector `x`, along a direction."""
    kept = x.copy()

    def put(t: float) -> float:
        x[:] = kept + t * direction
        return function()

    found = slope(put, 0.0, 1e-5)
    x[:] = kept
    return float(found)


# -- layers and activations ----------------------------------------------------------


def dense(x: Array, p: Mapping[str, Array]) -> Array:
    """Return x W + b."""
    return x @ p["weight"] + p["bias"]


def dropout(x: Array, p: Mapping[str, Array], context: Any, rate: float) -> Array:
    """Srivastava et al. (2014), section 4, divided by the share kept: m x / (1 - rate)."""
    return np.where(context.buffers["mask"] > 0, x / (1 - rate), 0)


def alpha_dropout(x: Array, p: Mapping[str, Array], context: Any, rate: float) -> Array:
    """Klambauer et al. (2017), section 2: a (m x + (1 - m) α') + b, with α' = -λ α."""
    low, q = -1.0507009873554805 * 1.6732632423543772, 1 - rate
    a = (q + low**2 * q * (1 - q)) ** -0.5
    b = -a * (1 - q) * low
    return a * np.where(context.buffers["mask"] > 0, x, low) + b


def gaussian_noise(x: Array, p: Mapping[str, Array], context: Any, scale: float) -> Array:
    """Return x + scale · ε; the layer keeps the product."""
    return x + context.buffers["noise"]


def batch_norm(x: Array, p: Mapping[str, Array]) -> Array:
    """Ioffe & Szegedy (2015), algorithm 2, line 11."""
    return p["gamma"] * (x - p["mean"]) / np.sqrt(p["variance"] + 1e-5) + p["beta"]


def batch_norm_training(x: Array, p: Mapping[str, Array], context: Any) -> Array:
    """Ioffe & Szegedy (2015), algorithm 1, with weighted means; one row alone has no variance."""
    if context.share.max() == 1:
        return batch_norm(x, p)
    mean = context.share @ x
    variance = context.share @ (x - mean) ** 2
    return batch_norm(x, {**p, "mean": mean, "variance": variance})


def layer_norm(x: Array, p: Mapping[str, Array]) -> Array:
    """Ba, Kiros & Hinton (2016), equation 4."""
    mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    return p["gamma"] * (x - mean) / np.sqrt(variance + 1e-5) + p["beta"]


def rescale(x: Array, p: Mapping[str, Array]) -> Array:
    """Return each column less its centre, times its scale."""
    return (x - p["centre"]) * p["scale"]


def smooth_clip(x: Array) -> Array:
    """Holzmüller et al. (2024), section 3.1."""
    return x / np.sqrt(1 + (x / 3) ** 2)


def bound(x: Array) -> Array:
    """Return the logistic function, stretched from (0, 1) to (-1, 2.5)."""
    return -1 + 3.5 * special.expit(x)


def identity(z: Array) -> Array:
    """Return z."""
    return z


def relu(z: Array) -> Array:
    """Return max(0, z)."""
    return np.where(z > 0, z, 0)


def leaky_relu(z: Array, negative_slope: float = 0.01) -> Array:
    """Return z above zero and a z below."""
    return np.where(z > 0, z, negative_slope * z)


def celu(z: Array, alpha: float = 1.0) -> Array:
    """Return z above zero and α (exp(z / α) - 1) below: elu if α = 1."""
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0) / alpha))


def selu(z: Array) -> Array:
    """Klambauer et al. (2017), equation 2."""
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def gelu(z: Array) -> Array:
    """Return z Φ(z)."""
    return z * special.ndtr(z)


def gelu_tanh(z: Array) -> Array:
    """Return z (1 + tanh u) / 2, where (1 + tanh u) / 2 = 1 / (1 + exp(-2u))."""
    return z * special.expit(2 * np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))


def silu(z: Array) -> Array:
    """Return z / (1 + exp(-z))."""
    return z * special.expit(z)


def softplus(z: Array) -> Array:
    """Return log(1 + exp(z))."""
    return np.logaddexp(0, z)


def log_sigmoid(z: Array) -> Array:
    """Return log(1 / (1 + exp(-z)))."""
    return special.log_expit(z)


def mish(z: Array) -> Array:
    """Return z tanh(softplus(z))."""
    return z * np.tanh(softplus(z))


def softsign(z: Array) -> Array:
    """Return z / (1 + |z|)."""
    return z / (1 + np.abs(z))


def hard_tanh(z: Array) -> Array:
    """Cut z to [-1, 1]."""
    return np.clip(z, -1, 1)


def relu6(z: Array) -> Array:
    """Cut z to [0, 6]."""
    return np.clip(z, 0, 6)


def hard_sigmoid(z: Array) -> Array:
    """Return relu6(z + 3) / 6."""
    return relu6(z + 3) / 6


def hard_swish(z: Array) -> Array:
    """Return z relu6(z + 3) / 6."""
    return z * hard_sigmoid(z)


def hard_shrink(z: Array, threshold: float = 0.5) -> Array:
    """Return z where |z| > λ."""
    return np.where(np.abs(z) > threshold, z, 0)


def soft_shrink(z: Array, threshold: float = 0.5) -> Array:
    """Move z by λ towards zero, and not beyond."""
    return np.sign(z) * np.maximum(np.abs(z) - threshold, 0)


def tanh_shrink(z: Array) -> Array:
    """Return z - tanh(z)."""
    return z - np.tanh(z)


def prelu(x: Array, p: Mapping[str, Array]) -> Array:
    """Return x above zero and a x below."""
    return np.where(x > 0, x, p["slope"] * x)


def parametric(function: Callable[[Array], Array], x: Array, p: Mapping[str, Array]) -> Array:
    """Return (1 - a) x + a f(x)."""
    return (1 - p["share"]) * x + p["share"] * function(x)


def softmax(z: Array) -> Array:
    """Return exp(zⱼ) / Σ exp(z)."""
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


# -- losses, one number a row --------------------------------------------------------


def binary_log_loss(y: Array, z: Array, label_smoothing: float = 0.0) -> Array:
    """Return -Σ t log p + (1 - t) log(1 - p), p = 1 / (1 + exp(-z)), t = y smoothed."""
    t, p = (1 - label_smoothing) * y + label_smoothing / 2, 1 / (1 + np.exp(-z))
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum(axis=1)


def multinomial_log_loss(y: Array, z: Array, label_smoothing: float = 0.0) -> Array:
    """Return -Σ t log p with p = softmax(z), t = onehot(y) smoothed."""
    k = z.shape[1]
    t = (1 - label_smoothing) * np.eye(k)[y] + label_smoothing / k
    return -(t * np.log(softmax(z))).sum(axis=1)


def binary_focal(y: Array, z: Array, focal_gamma: float = 2.0) -> Array:
    """Return -Σ (1 - p)^γ log p, p the probability of what is right."""
    p = np.where(y == 1, 1 / (1 + np.exp(-z)), 1 / (1 + np.exp(z)))
    return -((1 - p) ** focal_gamma * np.log(p)).sum(axis=1)


def multinomial_focal(y: Array, z: Array, focal_gamma: float = 2.0) -> Array:
    """Return -(1 - p)^γ log p with p = softmax(z)_y."""
    p = softmax(z)[np.arange(len(y)), y]
    return -((1 - p) ** focal_gamma) * np.log(p)


def squared_hinge(y: Array, z: Array) -> Array:
    """Return Σ max(0, 1 - s z)², s = 1 where y is 1 and -1 where it is 0."""
    s = np.where(y == 1, 1, -1)
    return np.where(s * z < 1, (1 - s * z) ** 2, 0).sum(axis=1)


def squared_error(y: Array, z: Array) -> Array:
    """Return half the squared distance."""
    return ((z - y) ** 2).sum(axis=1) / 2


def absolute_error(y: Array, z: Array) -> Array:
    """Return the distance in the 1-norm."""
    return abs(y - z).sum(axis=1)


def huber(y: Array, z: Array, huber_epsilon: float = 1.35) -> Array:
    """Return Σ ½ r² where |r| ≤ ε and ε (|r| - ½ ε) elsewhere."""
    r = abs(y - z)
    far = huber_epsilon * (r - huber_epsilon / 2)
    return np.where(r <= huber_epsilon, r**2 / 2, far).sum(axis=1)


def log_cosh(y: Array, z: Array) -> Array:
    """Return Σ log cosh(y - z)."""
    return np.log(np.cosh(y - z)).sum(axis=1)


def quantiles(z: Array, n_levels: int) -> Array:
    """Return the first score of each target, and it plus the softplus of the following ones."""
    first, *steps = np.split(z, n_levels, axis=1)
    softplus = [np.log(1 + np.exp(step)) for step in steps]
    return np.hstack([first + sum(softplus[:k]) for k in range(n_levels)])


def quantile(y: Array, z: Array, quantile: Any = 0.5) -> Array:
    """Return Σ τ (y - q) above the quantile q of level τ, and (1 - τ) (q - y) below."""
    levels = np.atleast_1d(quantile)
    pairs = zip(levels, np.split(quantiles(z, len(levels)), len(levels), axis=1), strict=True)
    terms = [np.where(y > q, t * (y - q), (1 - t) * (q - y)).sum(axis=1) for t, q in pairs]
    return np.sum(terms, axis=0)


def gaussian(y: Array, z: Array) -> Array:
    """Return Σ log σ + (y - μ)² / 2 σ² with z = (μ, log σ²)."""
    mean, deviation = np.hsplit(gaussian_link(z), 2)
    return (np.log(deviation) + (y - mean) ** 2 / (2 * deviation**2)).sum(axis=1)


def gaussian_link(z: Array) -> Array:
    """Return mean and standard deviation."""
    mean, variance = np.hsplit(z, 2)
    return np.hstack([mean, np.sqrt(np.exp(variance))])


def gamma(y: Array, z: Array) -> Array:
    """Return half the deviance Σ y / μ - log(y / μ) - 1 with μ = exp(z)."""
    ratio = y / np.exp(z)
    return (ratio - np.log(ratio) - 1).sum(axis=1)


def tweedie(y: Array, z: Array, power: float = 1.5) -> Array:
    """Return half the deviance of Jørgensen (1987), its limits for powers 1 and 2."""
    if power in (0, 1, 2):
        limits = {0: lambda: squared_error(y, np.exp(z)), 1: lambda: poisson(y, z)}
        return limits.get(int(power), lambda: gamma(y, z))()
    p, mu = power, np.exp(z)
    own = np.maximum(y, 0) ** (2 - p) / ((1 - p) * (2 - p))
    return (own - y * mu ** (1 - p) / (1 - p) + mu ** (2 - p) / (2 - p)).sum(axis=1)


def poisson(y: Array, z: Array) -> Array:
    """Return half the deviance Σ y log(y / μ) - y + μ with μ = exp(z)."""
    return (xlogy(y, y / np.exp(z)) - y + np.exp(z)).sum(axis=1)


# -- the same losses by other libraries, from predictions, a weighted mean ------------


def sklearn_binary(y: Array, p: Array, weight: Array | None) -> float:
    """Return the sum over the labels of scikit-learn's log-loss."""
    pairs = zip(y.T, p.T, strict=True)
    return sum(log_loss(yj, pj, sample_weight=weight, labels=[0, 1]) for yj, pj in pairs)


def sklearn_multinomial(y: Array, p: Array, weight: Array | None) -> float:
    """Return scikit-learn's log-loss."""
    return log_loss(y, p, sample_weight=weight, labels=np.arange(p.shape[1]))


def sklearn_squared(y: Array, p: Array, weight: Array | None) -> float:
    """Return half the sum over the targets of scikit-learn's mean squared error."""
    return mean_squared_error(y, p, sample_weight=weight, multioutput="raw_values").sum() / 2


def sklearn_poisson(y: Array, p: Array, weight: Array | None) -> float:
    """Return half the sum over the targets of scikit-learn's mean deviance."""
    pairs = zip(y.T, p.T, strict=True)
    return sum(mean_poisson_deviance(yj, pj, sample_weight=weight) / 2 for yj, pj in pairs)


def sklearn_gamma(y: Array, p: Array, weight: Array | None) -> float:
    """Return half the sum over the targets of scikit-learn's mean deviance."""
    pairs = zip(y.T, p.T, strict=True)
    return sum(mean_gamma_deviance(yj, pj, sample_weight=weight) / 2 for yj, pj in pairs)


def sklearn_tweedie(y: Array, p: Array, weight: Array | None, power: float = 1.5) -> float:
    """Return half the sum over the targets of scikit-learn's mean deviance."""
    deviance = partial(mean_tweedie_deviance, sample_weight=weight, power=power)
    return sum(deviance(yj, pj) / 2 for yj, pj in zip(y.T, p.T, strict=True))


def sklearn_absolute(y: Array, p: Array, weight: Array | None) -> float:
    """Return the sum over the targets of scikit-learn's mean absolute error."""
    return mean_absolute_error(y, p, sample_weight=weight, multioutput="raw_values").sum()


def sklearn_pinball(y: Array, p: Array, weight: Array | None, quantile: Any = 0.5) -> float:
    """Return the sum over targets and levels of scikit-learn's mean pinball loss."""
    levels = np.atleast_1d(quantile)
    options = {"sample_weight": weight, "multioutput": "raw_values"}
    pairs = zip(levels, np.split(p, len(levels), axis=1), strict=True)
    return sum(mean_pinball_loss(y, q, alpha=level, **options).sum() for level, q in pairs)


def scipy_huber(y: Array, p: Array, weight: Array | None, huber_epsilon: float = 1.35) -> float:
    """Return the mean of SciPy's Huber function, summed over the targets."""
    return np.average(special.huber(huber_epsilon, y - p).sum(axis=1), weights=weight)


def scipy_normal(y: Array, p: Array, weight: Array | None) -> float:
    """Return the mean of SciPy's negative log-likelihood without ½ log 2π a target."""
    mean, deviation = np.hsplit(p, 2)
    rows = -stats.norm.logpdf(y, mean, deviation) - np.log(2 * np.pi) / 2
    return np.average(rows.sum(axis=1), weights=weight)


# -- penalties -----------------------------------------------------------------------


class Penalty:
    """What it does to weight matrices: nothing, unless a member says otherwise."""

    def value(self, weights: list[Array]) -> float:
        """Return Ω, where it adds to the loss."""
        return 0.0

    def gradient(self, weights: list[Array]) -> list[Array]:
        """Return the derivative of the smooth part of Ω."""
        return [np.zeros_like(w) for w in weights]

    def before(self, weights: list[Array], lr: float) -> list[Array]:
        """Return the weights from which a step starts."""
        return weights

    def after(self, weights: list[Array], rates: list[Array], scale: float) -> list[Array]:
        """Return the weights that follow a step in the metric `rates`."""
        return weights


class L2(Penalty):
    """½ alpha (1 - l1_ratio) ‖w‖²."""

    def __init__(self, alpha: float, l1_ratio: float) -> None:
        self.strength = alpha * (1 - l1_ratio)

    def value(self, weights: list[Array]) -> float:
        return self.strength / 2 * sum((w**2).sum() for w in weights)

    def gradient(self, weights: list[Array]) -> list[Array]:
        return [self.strength * w for w in weights]


class L1(Penalty):
    """alpha · l1_ratio · Σ |w|, with the soft threshold sign(w) max(|w| - t, 0)."""

    def __init__(self, alpha: float, l1_ratio: float) -> None:
        self.strength = alpha * l1_ratio

    def value(self, weights: list[Array]) -> float:
        return self.strength * sum(np.abs(w).sum() for w in weights)

    def after(self, weights: list[Array], rates: list[Array], scale: float) -> list[Array]:
        return [
            np.sign(w) * np.maximum(np.abs(w) - scale * self.strength * d, 0)
            for w, d in zip(weights, rates, strict=True)
        ]


class GroupL1(Penalty):
    """input_group_l1 · √k · Σ ‖w‖ over the rows w of the first matrix, k weights each."""

    def __init__(self, input_group_l1: float) -> None:
        self.input_group_l1 = input_group_l1

    def value(self, weights: list[Array]) -> float:
        k = weights[0].shape[1]
        return self.input_group_l1 * np.sqrt(k) * np.linalg.norm(weights[0], axis=1).sum()

    def after(self, weights: list[Array], rates: list[Array], scale: float) -> list[Array]:
        strength = scale * self.input_group_l1 * np.sqrt(weights[0].shape[1])
        rows = zip(weights[0], rates[0], strict=True)
        return [np.array([group_prox(w, d, strength) for w, d in rows]), *weights[1:]]


def group_prox(w: Array, d: Array, strength: float) -> Array:
    """Return argmin_x ½ Σ (xᵢ - wᵢ)² / dᵢ + strength · ‖x‖ by bisection for ‖x‖."""
    if strength == 0:
        return w
    if np.linalg.norm(w / d) <= strength:
        return np.zeros_like(w)

    def excess(s: float) -> float:
        return np.linalg.norm(w / (s + strength * d)) - 1

    s = optimize.brentq(excess, 0, np.linalg.norm(w), xtol=1e-300, rtol=1e-15, maxiter=1000)
    return w * s / (s + strength * d)


class WeightDecay(Penalty):
    """w ← (1 - lr · weight_decay) w before each step."""

    def __init__(self, weight_decay: float) -> None:
        self.weight_decay = weight_decay

    def before(self, weights: list[Array], lr: float) -> list[Array]:
        return [w - lr * self.weight_decay * w for w in weights]


class MaxNorm(Penalty):
    """Columns longer than max_norm are scaled to that length after each step."""

    def __init__(self, max_norm: float | None) -> None:
        self.max_norm = np.inf if max_norm is None else max_norm

    def after(self, weights: list[Array], rates: list[Array], scale: float) -> list[Array]:
        return [w * np.minimum(1, self.max_norm / np.linalg.norm(w, axis=0)) for w in weights]


# -- optimizers ----------------------------------------------------------------------


class SGD:
    """Sutskever, Martens, Dahl & Hinton (2013), equations 1 to 4.

    v ← μ v - lr g, θ ← θ + v. The gradient is taken at θ, or with Nesterov's momentum
    at θ + μ v: that point is `params`.
    """

    def __init__(self, theta: Array, momentum: float, nesterovs_momentum: bool) -> None:
        self.theta, self.velocity = theta.copy(), np.zeros_like(theta)
        self.momentum, self.nesterovs_momentum = momentum, nesterovs_momentum

    def step(self, gradient: Array, lr: float) -> None:
        """Move along the gradient at `params`."""
        self.velocity = self.momentum * self.velocity - lr * gradient
        self.theta = self.theta + self.velocity

    @property
    def params(self) -> Array:
        """Where the next gradient is taken."""
        ahead = self.momentum * self.velocity if self.nesterovs_momentum else 0
        return self.theta + ahead


class Adam:
    """Kingma & Ba (2015), algorithm 1 in the efficient order of section 2.

    m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g²,
    θ ← θ - lr √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√v + ε).
    """

    def __init__(self, theta: Array, beta_1: float, beta_2: float, epsilon: float) -> None:
        self.params, self.m, self.v = theta.copy(), np.zeros_like(theta), np.zeros_like(theta)
        self.beta_1, self.beta_2, self.epsilon, self.t = beta_1, beta_2, epsilon, 0

    def step(self, gradient: Array, lr: float) -> None:
        """Move along the gradient at `params`."""
        self.t += 1
        self.m = self.beta_1 * self.m + (1 - self.beta_1) * gradient
        self.v = self.beta_2 * self.v + (1 - self.beta_2) * gradient**2
        rate = lr * np.sqrt(1 - self.beta_2**self.t) / (1 - self.beta_1**self.t)
        self.params = self.params - rate * self.m / (np.sqrt(self.v) + self.epsilon)


class AdamW(Adam):
    """Loshchilov & Hutter (2019), algorithm 2, without its decay: θ ← θ - lr m̂ / (√v̂ + ε)."""

    def step(self, gradient: Array, lr: float) -> None:
        """Move along the gradient at `params`."""
        self.move(gradient)
        self.params = self.params - lr * self.m_hat / (np.sqrt(self.v_hat) + self.epsilon)

    def move(self, gradient: Array) -> None:
        """Bring moments and counter to a new step."""
        self.t += 1
        self.m = self.beta_1 * self.m + (1 - self.beta_1) * gradient
        self.v = self.beta_2 * self.v + (1 - self.beta_2) * gradient**2

    @property
    def m_hat(self) -> Array:
        """The first moment, corrected for its bias."""
        return self.m / (1 - self.beta_1**self.t)

    @property
    def v_hat(self) -> Array:
        """The second moment, corrected for its bias."""
        return self.v / (1 - self.beta_2**self.t)


class AMSGrad(AdamW):
    """Reddi, Kale & Kumar (2018), algorithm 2, with Adam's corrections: v̂ is the largest v."""

    largest = 0.0

    def step(self, gradient: Array, lr: float) -> None:
        """Move along the gradient at `params`."""
        self.move(gradient)
        self.largest = np.maximum(self.largest, self.v)
        root = np.sqrt(self.largest / (1 - self.beta_2**self.t))
        self.params = self.params - lr * self.m_hat / (root + self.epsilon)


class Adamax(AdamW):
    """Kingma & Ba (2015), algorithm 2: u ← max(β₂ u, |g|), θ ← θ - lr m̂ / u, with ε in |g|."""

    norm = 0.0

    def step(self, gradient: Array, lr: float) -> None:
        """Move along the gradient at `params`."""
        self.move(gradient)
        self.norm = np.maximum(self.beta_2 * self.norm, np.abs(gradient) + self.epsilon)
        self.params = self.params - lr * self.m_hat / self.norm


class NAdam(AdamW):
    """Dozat (2016), algorithm 2, with the momentum of its section 3.

    m̄ = μₜ₊₁ m / (1 - μ₁ … μₜ₊₁) + (1 - μₜ) g / (1 - μ₁ … μₜ), θ ← θ - lr m̄ / (√v̂ + ε),
    where μₜ = β₁ (1 - ½ 0.96^(t ψ)).
    """

    def __init__(
        self, theta: Array, beta_1: float, beta_2: float, epsilon: float, momentum_decay: float
    ) -> None:
        super().__init__(theta, beta_1, beta_2, epsilon)
        self.psi = momentum_decay

    def step(self, gradient: Array, lr: float) -> None:
        """Move along the gradient at `params`."""
        self.move(gradient)
        mu = [self.beta_1 * (1 - 0.96 ** (i * self.psi) / 2) for i in range(1, self.t + 2)]
        ahead = mu[-1] * self.m / (1 - np.prod(mu))
        here = (1 - mu[-2]) * gradient / (1 - np.prod(mu[:-1]))
        self.params = self.params - lr * (ahead + here) / (np.sqrt(self.v_hat) + self.epsilon)


class RAdam(AdamW):
    """Liu et al. (2020), algorithm 2, with the threshold 5 and ε at the uncorrected root."""

    def step(self, gradient: Array, lr: float) -> None:
        """Move along the gradient at `params`."""
        self.move(gradient)
        t, power = self.t, self.beta_2**self.t
        last = 2 / (1 - self.beta_2) - 1
        length = last - 2 * t * power / (1 - power)
        adapted: Any = 1.0
        if length > 5:
            above = (length - 4) * (length - 2) * last
            below = (last - 4) * (last - 2) * length
            adapted = np.sqrt(above / below * (1 - power)) / (np.sqrt(self.v) + self.epsilon)
        self.params = self.params - lr * self.m_hat * adapted


class Adagrad:
    """Duchi, Hazan & Singer (2011), figure 1 with a diagonal matrix: θ ← θ - lr g / (√Σ g² + ε)."""

    def __init__(self, theta: Array, epsilon: float, initial_accumulator_value: float) -> None:
        self.params, self.epsilon = theta.copy(), epsilon
        self.total = np.full_like(theta, initial_accumulator_value)

    def step(self, gradient: Array, lr: float) -> None:
        """Move along the gradient at `params`."""
        self.total = self.total + gradient**2
        self.params = self.params - lr * gradient / (np.sqrt(self.total) + self.epsilon)


class RMSprop:
    """Tieleman & Hinton (2012); centered as in Graves (2013), equations 38 to 41, ε outside."""

    def __init__(self, theta: Array, rho: float, epsilon: float, centered: bool) -> None:
        self.params, self.mean, self.square = theta.copy(), np.zeros_like(theta), 0.0
        self.rho, self.epsilon, self.centered = rho, epsilon, centered

    def step(self, gradient: Array, lr: float) -> None:
        """Move along the gradient at `params`."""
        self.square = self.rho * self.square + (1 - self.rho) * gradient**2
        self.mean = self.rho * self.mean + (1 - self.rho) * gradient
        variance = self.square - self.mean**2 if self.centered else self.square
        self.params = self.params - lr * gradient / (np.sqrt(variance) + self.epsilon)


class Adadelta:
    """Zeiler (2012), algorithm 1, its step times lr: Δθ = -RMS(Δθ) / RMS(g) · g."""

    def __init__(self, theta: Array, rho: float, epsilon: float) -> None:
        self.params, self.gradients, self.steps = theta.copy(), 0.0, np.zeros_like(theta)
        self.rho, self.epsilon = rho, epsilon

    def step(self, gradient: Array, lr: float) -> None:
        """Move along the gradient at `params`."""
        self.gradients = self.rho * self.gradients + (1 - self.rho) * gradient**2
        root = np.sqrt(self.steps + self.epsilon) / np.sqrt(self.gradients + self.epsilon)
        self.steps = self.rho * self.steps + (1 - self.rho) * (root * gradient) ** 2
        self.params = self.params - lr * root * gradient


class Lion:
    """Chen et al. (2023), program 1, without its decay.

    c = β₁ m + (1 - β₁) g, θ ← θ - lr sign(c), m ← β₂ m + (1 - β₂) g.
    """

    def __init__(self, theta: Array, beta_1: float, beta_2: float) -> None:
        self.params, self.m = theta.copy(), np.zeros_like(theta)
        self.beta_1, self.beta_2 = beta_1, beta_2

    def direction(self, gradient: Array) -> Array:
        """Return c."""
        return self.beta_1 * self.m + (1 - self.beta_1) * gradient

    def step(self, gradient: Array, lr: float) -> None:
        """Move along the gradient at `params`."""
        self.params = self.params - lr * np.sign(self.direction(gradient))
        self.m = self.beta_2 * self.m + (1 - self.beta_2) * gradient


class ScheduleFreeAdamW:
    """Defazio et al. (2024), algorithm 1; the weights have the largest rate so far.

    y = (1 - β₁) z + β₁ x, z ← z - lr g(y) / (√v̂ + ε) - lr λ y, x ← (1 - c) x + c z.
    """

    def __init__(self, theta: Array, beta_1: float, beta_2: float, epsilon: float) -> None:
        self.z, self.x, self.v = theta.copy(), theta.copy(), np.zeros_like(theta)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.rates: list[float] = []

    def step(self, gradient: Array, lr: float, decay: float = 0.0) -> None:
        """Move along the gradient at `params`."""
        y = self.params
        self.rates.append(lr)
        self.v = self.beta_2 * self.v + (1 - self.beta_2) * gradient**2
        v_hat = self.v / (1 - self.beta_2 ** len(self.rates))
        self.z = self.z - lr * gradient / (np.sqrt(v_hat) + self.epsilon) - lr * decay * y
        weights = np.maximum.accumulate(self.rates) ** 2
        c = weights[-1] / weights.sum()
        self.x = (1 - c) * self.x + c * self.z

    @property
    def params(self) -> Array:
        """Where the next gradient is taken."""
        return (1 - self.beta_1) * self.z + self.beta_1 * self.x


class Rprop:
    """Riedmiller & Braun (1993), section 4, with no step instead of a step back.

    The step is a multiple Δ of the learning rate; its bounds are for the largest one.
    """

    def __init__(
        self, theta: Array, eta_minus: float, eta_plus: float, min_step: float, max_step: float
    ) -> None:
        self.params, self.sizes, self.last = theta.copy(), np.ones_like(theta), 0.0
        self.eta_minus, self.eta_plus = eta_minus, eta_plus
        self.bounds, self.largest = np.array([min_step, max_step]), 0.0

    def step(self, gradient: Array, lr: float) -> None:
        """Move along the gradient at `params`."""
        self.largest = max(self.largest, lr)
        sign = np.sign(gradient)
        same, turned = sign * self.last > 0, sign * self.last < 0
        factor = np.where(same, self.eta_plus, np.where(turned, self.eta_minus, 1))
        self.sizes = np.clip(self.sizes * factor, *self.bounds / self.largest)
        self.last = np.where(turned, 0, sign)
        self.params = self.params - lr * self.sizes * self.last


# -- schedules -----------------------------------------------------------------------


def constant(progress: Progress, learning_rate_init: float) -> float:
    """Return lr₀."""
    return learning_rate_init


def invscaling(progress: Progress, learning_rate_init: float, power_t: float) -> float:
    """Return lr₀ / (1 + rows)^power_t."""
    return learning_rate_init / (1 + progress.samples) ** power_t


def adaptive(progress: Progress, learning_rate_init: float) -> float:
    """Return lr₀ / 5^stalls."""
    return learning_rate_init / 5**progress.stalls


def step(progress: Progress, learning_rate_init: float, lr_decay: float, lr_period: int) -> float:
    """Multiply lr₀ by the factor once for each period that is over."""
    return learning_rate_init * np.prod([lr_decay] * (progress.epoch // lr_period))


def exponential(
    progress: Progress, learning_rate_init: float, lr_decay: float, lr_period: int
) -> float:
    """Return lr₀ exp(-k t) with t in epochs and exp(-k · period) the factor."""
    epochs = progress.epoch + progress.batch / progress.batches
    return learning_rate_init * np.exp(np.log(lr_decay) / lr_period * epochs)


def polynomial(
    progress: Progress, learning_rate_init: float, lr_final: float, lr_power: float
) -> float:
    """Return (lr₀ - lr₁) (1 - t)^power + lr₁."""
    last = lr_final * learning_rate_init
    return (learning_rate_init - last) * (1 - plan_share(progress)) ** lr_power + last


def cosine(progress: Progress, learning_rate_init: float, lr_final: float) -> float:
    """Loshchilov & Hutter (2017), equation 5, with one cycle."""
    return sgdr(plan_share(progress), learning_rate_init, lr_final * learning_rate_init)


def cosine_restarts(
    progress: Progress,
    learning_rate_init: float,
    lr_final: float,
    lr_period: int,
    lr_period_growth: float,
) -> float:
    """Loshchilov & Hutter (2017), equation 5: go through the cycles up to the current one."""
    epochs = progress.epoch + progress.batch / progress.batches
    start, cycle = 0.0, 0
    while start + lr_period * lr_period_growth**cycle <= epochs:
        start += lr_period * lr_period_growth**cycle
        cycle += 1
    current = epochs - start
    share = current / (lr_period * lr_period_growth**cycle)
    return sgdr(share, learning_rate_init, lr_final * learning_rate_init)


def sgdr(share: float, largest: float, smallest: float) -> float:
    """Return η_min + ½ (η_max - η_min) (1 + cos(π T_cur / T_i))."""
    return smallest + (largest - smallest) * (1 + np.cos(np.pi * share)) / 2


def one_cycle(
    progress: Progress, learning_rate_init: float, lr_final: float, lr_rise: float
) -> float:
    """Go up a half cosine from lr₀ / 25 to lr₀, and down another to lr₀ lr_final."""
    t = plan_share(progress)
    if t < lr_rise:
        return sgdr(1 - t / lr_rise, learning_rate_init, learning_rate_init / 25)
    return sgdr((t - lr_rise) / (1 - lr_rise), learning_rate_init, lr_final * learning_rate_init)


def cyclic(progress: Progress, learning_rate_init: float, lr_final: float, lr_period: int) -> float:
    """Smith (2017), section 3.1: the triangle, its three lines of code."""
    stepsize = lr_period / 2
    epochs = progress.epoch + progress.batch / progress.batches
    cycle = np.floor(1 + epochs / (2 * stepsize))
    x = np.abs(epochs / stepsize - 2 * cycle + 1)
    smallest = lr_final * learning_rate_init
    return smallest + (learning_rate_init - smallest) * max(0, 1 - x)


def coslog4(progress: Progress, learning_rate_init: float) -> float:
    """Return lr₀ ½ (1 - cos(2π log₂(1 + 15t)))."""
    wave = 2 * np.pi * np.log2(1 + 15 * plan_share(progress))
    return learning_rate_init * (1 - np.cos(wave)) / 2


def flat_cos(progress: Progress, learning_rate_init: float) -> float:
    """Return lr₀ ½ (1 + cos(π (max(1, 2t) - 1)))."""
    wave = np.pi * (max(1, 2 * plan_share(progress)) - 1)
    return learning_rate_init * (1 + np.cos(wave)) / 2


def plan_share(progress: Progress) -> float:
    """Return the share of the planned epochs that is done, at most 1."""
    epochs = progress.epoch - progress.origin + progress.batch / progress.batches
    return min(epochs / progress.planned, 1)
