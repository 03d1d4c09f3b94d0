"""The norms of all weights that one feature feeds."""

import math
from collections.abc import Sequence
from numbers import Real

import numpy as np

from skmlp._arena import BLOCK
from skmlp._params import Interval
from skmlp._typing import Floats
from skmlp.penalties.base import Penalty, Rates, Weight

#: Newton's method takes two to five steps; it stops here whatever the numbers are.
_MOST_STEPS = 60


class GroupL1(Penalty):
    """Ω(W) = input_group_l1 · √k · Σ ‖w‖, w the k weights of one feature in the first layer.

    It has no derivative where all weights of a feature are zero, and holds them
    there: whole features drop out of the model. After each step the rows w of the first
    matrix are replaced by

        argmin_x ½ Σ (xᵢ - wᵢ)² / dᵢ + λ ‖x‖,  λ = scale · input_group_l1 · √k,

    with the optimizer's rates d. That is zero where Σ (wᵢ / dᵢ)² ≤ λ², and otherwise
    xᵢ = wᵢ s / (s + λ dᵢ), with s = ‖x‖ the root of f(s) = Σ wᵢ² / (s + λ dᵢ)² = 1.

    The factor √k makes the strength comparable to that of L1, and between layers of
    different widths.

    Parameters
    ----------
    input_group_l1 : float, default=0.0
        The strength.

    References
    ----------
    Yuan & Lin (2006), "Model selection and estimation in regression with grouped
    variables", Journal of the Royal Statistical Society B 68; for networks: Scardapane
    et al. (2017), "Group sparse regularization for deep neural networks",
    Neurocomputing 241.
    """

    projects = True

    constraints = {"input_group_l1": Interval(Real, 0, None, closed="left")}

    def __init__(self, input_group_l1: float = 0.0) -> None:
        self.input_group_l1 = float(input_group_l1)

    @property
    def active(self) -> bool:
        """Whether there is any penalty."""
        return self.input_group_l1 > 0.0

    def bind(self, weights: Sequence[Weight]) -> None:
        """Make memory for a block of rows."""
        n_rows, width = weights[0].values.shape
        dtype = weights[0].values.dtype
        step = max(1, min(n_rows, BLOCK // width))
        matrices, vectors = np.empty((3, step, width), dtype), np.empty((4, step), dtype)
        bounds = [(first, min(first + step, n_rows)) for first in range(0, n_rows, step)]
        self._blocks = [
            (slice(a, b), _Shrinkage(matrices[:, : b - a], vectors[:, : b - a])) for a, b in bounds
        ]
        self._norms = np.empty(n_rows, dtype)
        self._strength = self.input_group_l1 * math.sqrt(width)

    def matrix_value(self, weights: Sequence[Weight], scale: float) -> float:
        """Return scale · Ω(W)."""
        values = weights[0].values
        np.vecdot(values, values, out=self._norms)
        np.sqrt(self._norms, out=self._norms)
        return scale * self._strength * float(np.add.reduce(self._norms))

    def project(self, weights: Sequence[Weight], rates: Rates, scale: float) -> None:
        """Shrink the rows of the first matrix, block by block."""
        values, part = weights[0]
        width = values.shape[1]
        for rows, shrink in self._blocks:
            flat = slice(part.start + rows.start * width, part.start + rows.stop * width)
            rates(flat, shrink.shift.reshape(-1))
            np.multiply(shrink.shift, scale * self._strength, out=shrink.shift)
            shrink(values[rows])


class _Shrinkage:
    """w ← w s / (s + t) for each row w, where f(s) = Σ wᵢ² / (s + tᵢ)² = 1; zero if f(0) ≤ 1.

    1 / √f is concave and increases, so that Newton's method comes to its root from
    below: each step adds (√f - 1) f / Σ wᵢ² / (s + tᵢ)³. It starts from ‖w‖ minus the
    mean of t with weights w², which by Jensen's inequality is below the root, and near it
    if t is small or all one. Where that is negative it starts from the largest |wᵢ| - tᵢ,
    beyond which no term of f is above one and nothing overflows.

    Parameters
    ----------
    matrices : ndarray of shape (3, n, k)
        Memory; t goes to the first.
    vectors : ndarray of shape (4, n)
        Memory.
    """

    def __init__(self, matrices: Floats, vectors: Floats) -> None:
        self.shift, self._ratio, self._spare = matrices
        self._s, self._f, self._slope, self._step = vectors
        limits = np.finfo(matrices.dtype)
        self._tiny, self._tolerance = float(limits.tiny), float(limits.eps) ** 0.5

    def __call__(self, w: Floats) -> None:
        """Shrink the rows by the ``shift`` t."""
        self._start(w)
        if not np.minimum.reduce(self._s) > 0.0:
            self._start_safely(w)
        for _ in range(_MOST_STEPS):
            # The convergence is quadratic: what is left is the square of the last step.
            if not self._newton(w) > self._tolerance:
                break
        self._divide(self._s[:, None], out=self._ratio)
        np.multiply(w, self._ratio, out=w)

    def _divide(self, values: Floats, out: Floats) -> None:
        """Write values / (s + t) to `out`, with 0 / 0 = 0; s + t stays in ``_spare``."""
        np.maximum(self._s, self._tiny, out=self._f)
        np.add(self.shift, self._f[:, None], out=self._spare)
        np.divide(values, self._spare, out=out)

    def _start(self, w: Floats) -> None:
        """Let s = ‖w‖ - Σ wᵢ² tᵢ / ‖w‖², or zero if that is negative or not a number."""
        s, mean = self._s, self._slope
        np.vecdot(w, w, out=s)
        np.multiply(w, self.shift, out=self._ratio)
        np.vecdot(w, self._ratio, out=mean)
        np.divide(mean, s, out=mean)
        np.sqrt(s, out=s)
        np.subtract(s, mean, out=s)
        np.fmax(s, 0.0, out=s)

    def _start_safely(self, w: Floats) -> None:
        """Let s be no smaller than any |wᵢ| - tᵢ."""
        np.absolute(w, out=self._spare)
        np.subtract(self._spare, self.shift, out=self._spare)
        np.maximum.reduce(self._spare, axis=1, out=self._f)
        np.maximum(self._s, self._f, out=self._s)

    def _newton(self, w: Floats) -> float:
        """Move s; return the largest step relative to it."""
        ratio, f, step = self._ratio, self._f, self._step
        self._divide(w, out=ratio)
        np.vecdot(ratio, ratio, out=f)
        np.divide(ratio, self._spare, out=self._spare)
        np.vecdot(ratio, self._spare, out=self._slope)
        np.sqrt(f, out=step)
        np.subtract(step, 1.0, out=step)
        np.multiply(step, f, out=step)
        np.divide(step, self._slope, out=step)
        np.fmax(step, 0.0, out=step)  # below one: zero, or done but for rounding
        np.add(self._s, step, out=self._s)
        np.maximum(self._s, self._tiny, out=f)
        np.divide(step, f, out=step)
        return float(np.maximum.reduce(step))
