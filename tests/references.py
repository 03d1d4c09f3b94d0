"""Textbook formulas, written for reading: what the engine is compared with."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy
from sklearn.metrics import log_loss, mean_poisson_deviance, mean_squared_error

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


# -- layers and activations ----------------------------------------------------------


def dense(x: Array, p: dict[str, Array]) -> Array:
    """Return x W + b."""
    return x @ p["weight"] + p["bias"]


def identity(z: Array) -> Array:
    """Return z."""
    return z


def relu(z: Array) -> Array:
    """Return max(0, z)."""
    return np.where(z > 0, z, 0)


def softmax(z: Array) -> Array:
    """Return exp(zⱼ) / Σ exp(z)."""
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


# -- losses, one number a row --------------------------------------------------------


def binary_log_loss(y: Array, z: Array) -> Array:
    """Return -Σ y log p + (1 - y) log(1 - p) with p = 1 / (1 + exp(-z))."""
    p = 1 / (1 + np.exp(-z))
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(axis=1)


def multinomial_log_loss(y: Array, z: Array) -> Array:
    """Return -log p_y with p = softmax(z)."""
    return -np.log(softmax(z)[np.arange(len(y)), y])


def squared_error(y: Array, z: Array) -> Array:
    """Return half the squared distance."""
    return ((z - y) ** 2).sum(axis=1) / 2


def poisson(y: Array, z: Array) -> Array:
    """Return half the deviance Σ y log(y / μ) - y + μ with μ = exp(z)."""
    return (xlogy(y, y / np.exp(z)) - y + np.exp(z)).sum(axis=1)


# -- the same losses by scikit-learn, from predictions, a weighted mean --------------


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


# -- penalties -----------------------------------------------------------------------


def l2(w: Array, alpha: float) -> float:
    """Return half of alpha ‖w‖²."""
    return alpha / 2 * (w**2).sum()


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
