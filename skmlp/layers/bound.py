"""Scores between two limits."""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from skmlp._typing import Floats, Matrix, Views
from skmlp.layers.base import Layer, Step
from skmlp.workspace import Buffer


class Bound(Layer):
    """out = l + (h - l) σ(x) with σ(x) = 1 / (1 + exp(-x)), and dx = dout (h - l) σ (1 - σ).

    Parameters
    ----------
    low, high : float or sequence of float
        The limits l and h, of all columns or of each.

    References
    ----------
    Bridle (1990), "Probabilistic interpretation of feedforward classification network
    outputs", for σ as an output.
    """

    inplace = True

    def __init__(self, low: float | Sequence[float], high: float | Sequence[float]) -> None:
        self.low, self.high = low, high

    def build(self, n_in: int) -> int:
        """Keep the width."""
        self.n_in = n_in
        low, high = (np.broadcast_to(limit, n_in) for limit in (self.low, self.high))
        self._starts, self._lengths = low.tolist(), (high - low).tolist()
        return n_in

    def buffers(self) -> dict[str, Buffer]:
        """Declare σ(x)."""
        return {"share": Buffer(self.n_in)}

    def forward(self, x: Matrix, out: Floats, p: Views) -> Matrix:
        """Write scores between the limits."""
        return self._between(expit(x, out=out), out)

    def train(self, x: Matrix, out: Floats, p: Views, s: Views, step: Step) -> Matrix:
        """Write scores between the limits and keep σ(x)."""
        return self._between(expit(x, out=s["share"]), out)

    def _between(self, share: Floats, out: Floats) -> Floats:
        """Write l + (h - l) σ, column by column: Python's floats keep the type."""
        for j, (start, length) in enumerate(zip(self._starts, self._lengths, strict=True)):
            np.multiply(share[:, j], length, out=out[:, j])
            np.add(out[:, j], start, out=out[:, j])
        return out

    def backward(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views, s: Views
    ) -> None:
        """Write dout (h - l) σ (1 - σ) to `dx`."""
        if dx is None:
            return
        share = s["share"]
        np.multiply(dout, share, out=dx)
        np.subtract(1.0, share, out=share)
        np.multiply(dx, share, out=dx)
        for j, length in enumerate(self._lengths):
            np.multiply(dx[:, j], length, out=dx[:, j])
