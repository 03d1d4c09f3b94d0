"""Batch normalisation."""

from numbers import Real

import numpy as np

from skmlp._arena import Parameter
from skmlp._linalg import column_sums, dense
from skmlp._params import Interval
from skmlp._typing import Floats, Matrix, Views
from skmlp.layers.base import Layer, Step
from skmlp.workspace import Buffer


class BatchNorm(Layer):
    """out = γ (x - μ) / √(σ² + ε) + β, unit by unit.

    In training μ = Σ aᵢ xᵢ and σ² = Σ aᵢ (xᵢ - μ)² are those of the batch, with a
    the rows' weights divided by their sum. With x̂ the normalised input

        dγ = Σ dout x̂,   dβ = Σ dout,
        dxᵢ = γ / √(σ² + ε) · (doutᵢ - aᵢ (dβ + x̂ᵢ dγ)).

    Prediction uses running means of μ and σ². The first batches count alike, until
    the newest would weigh less than `batch_norm_momentum`. A batch in which one row
    has all the weight has no variance: it is normalised as in prediction, and not
    recorded.

    Parameters
    ----------
    batch_norm_momentum : float, default=0.1
        Weight of the newest batch in the running means.
    batch_norm_epsilon : float, default=1e-5
        ε, keeps the divisor from zero.

    References
    ----------
    Ioffe & Szegedy (2015), "Batch normalization: accelerating deep network training
    by reducing internal covariate shift", ICML.
    """

    inplace = True

    constraints = {
        "batch_norm_momentum": Interval(Real, 0, 1, closed="right"),
        "batch_norm_epsilon": Interval(Real, 0, None, closed="neither"),
    }

    def __init__(self, batch_norm_momentum: float = 0.1, batch_norm_epsilon: float = 1e-5) -> None:
        self.momentum, self.epsilon = float(batch_norm_momentum), float(batch_norm_epsilon)

    def build(self, n_in: int) -> int:
        """Keep the width."""
        self.n_in = n_in
        return n_in

    def parameters(self) -> tuple[Parameter, ...]:
        """Declare γ and β."""
        return Parameter("gamma", (self.n_in,)), Parameter("beta", (self.n_in,))

    def statistics(self) -> tuple[Parameter, ...]:
        """Declare the running means, and the number of batches they are of."""
        width = (self.n_in,)
        return Parameter("mean", width), Parameter("variance", width), Parameter("count", (1,))

    def buffers(self) -> dict[str, Buffer]:
        """Declare x - μ, the weights a, and vectors for μ, 1/√(σ² + ε) and two more."""
        return {
            "centred": Buffer(self.n_in),
            "share": Buffer(),
            "vectors": Buffer(self.n_in, n_rows=4),
        }

    def initialize(self, p: Views, rng: np.random.RandomState) -> None:
        """Start as the identity on input with mean 0 and variance 1."""
        p["gamma"].fill(1.0)
        p["variance"].fill(1.0)

    def forget(self, p: Views) -> None:
        """Count the next batch as the first."""
        p["count"].fill(0.0)

    def forward(self, x: Matrix, out: Floats, p: Views) -> Matrix:
        """Normalise by the running means."""
        scale = p["gamma"] / np.sqrt(p["variance"] + self.epsilon)
        np.multiply(dense(x, out), scale, out=out)
        return np.add(out, p["beta"] - p["mean"] * scale, out=out)

    def train(self, x: Matrix, out: Floats, p: Views, s: Views, step: Step) -> Matrix:
        """Normalise by the mean and the variance of the batch."""
        centred, share = s["centred"], s["share"]
        mean, inverse, scale, _ = s["vectors"]
        x = dense(x, centred)
        if step.weight is None:
            share.fill(1.0 / len(share))
        else:
            np.copyto(share, step.weight)
        if np.maximum.reduce(share) < 1.0:
            self._measure(x, out, p, s)
        else:
            share.fill(0.0)  # nothing depends on the batch: see the formula of dx
            np.copyto(mean, p["mean"])
            np.copyto(inverse, p["variance"])
            np.subtract(x, mean, out=centred)
        np.add(inverse, self.epsilon, out=inverse)
        np.sqrt(inverse, out=inverse)
        np.divide(1.0, inverse, out=inverse)
        np.multiply(inverse, p["gamma"], out=scale)
        np.multiply(centred, scale, out=out)
        return np.add(out, p["beta"], out=out)

    def _measure(self, x: Floats, work: Floats, p: Views, s: Views) -> None:
        """Find mean and variance of the batch and add them to the running means."""
        centred, share = s["centred"], s["share"]
        mean, variance, _, change = s["vectors"]
        np.dot(share, x, out=mean)
        np.subtract(x, mean, out=centred)
        np.multiply(centred, centred, out=work)
        np.dot(share, work, out=variance)
        p["count"] += 1.0
        newest = max(self.momentum, 1.0 / float(p["count"][0]))
        for running, now in ((p["mean"], mean), (p["variance"], variance)):
            if newest == 1.0:  # what is forgotten may be huge, or not finite
                np.copyto(running, now)
            else:
                np.subtract(now, running, out=change)
                np.multiply(change, newest, out=change)
                np.add(running, change, out=running)

    def backward(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views, s: Views
    ) -> None:
        """Write dγ, dβ and, if asked, the derivative through mean and variance."""
        normalised, share = s["centred"], s["share"]
        _, inverse, scale, _ = s["vectors"]
        np.multiply(normalised, inverse, out=normalised)
        np.multiply(dout, normalised, out=out)
        column_sums(out, dp["gamma"])
        column_sums(dout, dp["beta"])
        if dx is not None:
            np.multiply(normalised, dp["gamma"], out=out)
            np.add(out, dp["beta"], out=out)
            np.multiply(out, share[:, np.newaxis], out=out)
            np.subtract(dout, out, out=dx)
            np.multiply(dx, scale, out=dx)
