"""Scaling of the features."""

import numpy as np

from skmlp._arena import Parameter
from skmlp._linalg import dense
from skmlp._typing import Floats, Matrix, Views
from skmlp.layers.base import Layer


class Rescale(Layer):
    """out = s (x - c), with the centre c and the scale s of each column.

    Both are statistics that are measured before training, and not learnt. A sparse
    input stays sparse if no column is moved.

    References
    ----------
    LeCun, Bottou, Orr & Müller (1998), "Efficient BackProp", in "Neural networks:
    tricks of the trade".
    """

    def build(self, n_in: int) -> int:
        """Keep the width."""
        self.n_in = n_in
        return n_in

    def statistics(self) -> tuple[Parameter, ...]:
        """Declare c and s."""
        return Parameter("centre", (self.n_in,)), Parameter("scale", (self.n_in,))

    def initialize(self, p: Views, rng: np.random.RandomState) -> None:
        """Start as the identity."""
        p["scale"].fill(1.0)

    def keeps_sparse(self, p: Views) -> bool:
        """Work on the stored values of a sparse input if no column is moved."""
        return not p["centre"].any()

    def forward(self, x: Matrix, out: Floats, p: Views) -> Matrix:
        """Write s (x - c) to `out`."""
        if not isinstance(x, np.ndarray) and self.keeps_sparse(p):
            values = x.data * p["scale"].take(x.indices)
            return type(x)((values, x.indices, x.indptr), shape=x.shape, copy=False)
        np.subtract(dense(x, out), p["centre"], out=out)
        return np.multiply(out, p["scale"], out=out)

    def backward(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views, s: Views
    ) -> None:
        """Write s dout to `dx`."""
        if dx is not None:
            np.multiply(dout, p["scale"], out=dx)
