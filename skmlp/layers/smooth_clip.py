"""A soft limit on the size of features."""

import numpy as np

from skmlp._typing import Floats, Matrix, Views
from skmlp.layers.base import Layer, Step
from skmlp.workspace import Buffer


class SmoothClip(Layer):
    """out = r x with r = 1 / √(1 + (x/3)²), and dx = dout · r³.

    The output is near x for small x, and within [-3, 3]. A sparse input stays sparse.

    References
    ----------
    Holzmüller, Grinsztajn & Steinwart (2024), "Better by default: strong pre-tuned
    MLPs and boosted trees on tabular data", NeurIPS.
    """

    inplace = True

    #: Beyond it the output is 3 to the last bit, and the square could overflow.
    reach = 1e15

    def build(self, n_in: int) -> int:
        """Keep the width."""
        self.n_in = n_in
        return n_in

    def buffers(self) -> dict[str, Buffer]:
        """Declare r."""
        return {"ratio": Buffer(self.n_in)}

    def keeps_sparse(self, p: Views) -> bool:
        """Work on the stored values of a sparse input."""
        return True

    def forward(self, x: Matrix, out: Floats, p: Views) -> Matrix:
        """Write r x to `out`."""
        if isinstance(x, np.ndarray):
            return self._clip(x, out, np.empty_like(out))
        return self._clip_stored(x)

    def train(self, x: Matrix, out: Floats, p: Views, s: Views, step: Step) -> Matrix:
        """Write r x to `out` and keep r."""
        if isinstance(x, np.ndarray):
            return self._clip(x, out, s["ratio"])
        return self._clip_stored(x)

    def _clip_stored(self, x: Matrix) -> Matrix:
        """Return a sparse array of r x, after numbers that stand for one place are added."""
        if not x.has_canonical_format:
            x = x.copy()
            x.sum_duplicates()
        values = self._clip(x.data, np.empty_like(x.data), np.empty_like(x.data))
        return type(x)((values, x.indices, x.indptr), shape=x.shape, copy=False)

    def _clip(self, x: Floats, out: Floats, ratio: Floats) -> Floats:
        """Write r x and r."""
        np.clip(x, -self.reach, self.reach, out=out)
        np.multiply(out, out, out=ratio)
        np.multiply(ratio, 1.0 / 9.0, out=ratio)
        np.add(ratio, 1.0, out=ratio)
        np.sqrt(ratio, out=ratio)
        np.divide(1.0, ratio, out=ratio)
        return np.multiply(out, ratio, out=out)

    def backward(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views, s: Views
    ) -> None:
        """Write dout · r³ to `dx`."""
        if dx is not None:
            np.multiply(dout, s["ratio"], out=dx)
            np.multiply(dx, s["ratio"], out=dx)
            np.multiply(dx, s["ratio"], out=dx)
