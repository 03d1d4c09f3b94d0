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

    Prediction uses running means of μ and σ², and so does the training of a frozen layer,
    where dx = γ / √(σ² + ε) · dout. The first batches count alike, until
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
        """Declare x - μ, the weights a, whether they were given, and four vectors."""
        return {
            "centred": Buffer(self.n_in),
            "share": Buffer(),
            "weighted": Buffer(dtype=bool, n_rows=1),
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
        scale, shift = np.empty((2, self.n_in), out.dtype)
        return self._recall(x, out, p, scale, shift)

    def _recall(self, x: Matrix, out: Floats, p: Views, scale: Floats, shift: Floats) -> Floats:
        """Normalise by the running means: write scale · x + shift."""
        np.add(p["variance"], self.epsilon, out=scale)
        np.sqrt(scale, out=scale)
        np.divide(p["gamma"], scale, out=scale)
        np.multiply(p["mean"], scale, out=shift)
        np.subtract(p["beta"], shift, out=shift)
        np.multiply(dense(x, out), scale, out=out)
        return np.add(out, shift, out=out)

    def train(self, x: Matrix, out: Floats, p: Views, s: Views, step: Step) -> Matrix:
        """Normalise by the mean and the variance of the batch."""
        centred = s["centred"]
        mean, inverse, scale, _ = s["vectors"]
        x = dense(x, centred)
        if self._weigh(step.weight, s):
            self._measure(x, out, p, s)
        else:
            np.copyto(mean, p["mean"])
            np.copyto(inverse, p["variance"])
            np.subtract(x, mean, out=centred)
        np.add(inverse, self.epsilon, out=inverse)
        np.sqrt(inverse, out=inverse)
        np.reciprocal(inverse, out=inverse)
        np.multiply(inverse, p["gamma"], out=scale)
        np.multiply(centred, scale, out=out)
        return np.add(out, p["beta"], out=out)

    def train_frozen(self, x: Matrix, out: Floats, p: Views, s: Views, step: Step) -> Matrix:
        """Normalise by the running means, which stay as they are."""
        shift, _, scale, _ = s["vectors"]
        return self._recall(x, out, p, scale, shift)

    @staticmethod
    def _weigh(weight: Floats | None, s: Views) -> bool:
        """Keep the weights of the rows; tell whether more than one row has any."""
        share = s["share"]
        s["weighted"].fill(weight is not None)
        if weight is None:
            share.fill(1.0 / len(share))
            several = len(share) > 1
        else:
            np.copyto(share, weight)
            several = bool(np.maximum.reduce(share) < 1.0)
        if not several:  # nothing depends on the batch: see the formula of dx
            share.fill(0.0)
        return several

    def _measure(self, x: Floats, work: Floats, p: Views, s: Views) -> None:
        """Find mean and variance of the batch and add them to the running means."""
        centred, share = s["centred"], s["share"]
        mean, variance, _, change = s["vectors"]
        np.dot(share, x, out=mean)
        np.subtract(x, mean, out=centred)
        np.multiply(centred, centred, out=work)
        np.dot(share, work, out=variance)
        p["count"][0] += 1.0
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
        _, inverse, _, _ = s["vectors"]
        # x̂ is never made: its factor goes into vectors.
        np.multiply(dout, s["centred"], out=out)
        column_sums(out, dp["gamma"])
        np.multiply(dp["gamma"], inverse, out=dp["gamma"])
        column_sums(dout, dp["beta"])
        if dx is not None:
            self._input_gradient(out, dout, dx, dp, s)

    @staticmethod
    def _input_gradient(work: Floats, dout: Floats, dx: Floats, dp: Views, s: Views) -> None:
        """Write dx; a weight that all rows share goes into the two vectors."""
        shift, inverse, scale, slope = s["vectors"]
        share, weighted = s["share"], bool(s["weighted"][0])
        common = 1.0 if weighted else float(share[0])
        np.multiply(dp["beta"], common, out=shift)
        np.multiply(dp["gamma"], common, out=slope)
        np.multiply(slope, inverse, out=slope)
        np.multiply(s["centred"], slope, out=work)
        np.add(work, shift, out=work)
        if weighted:
            np.multiply(work, share[:, np.newaxis], out=work)
        np.subtract(dout, work, out=dx)
        np.multiply(dx, scale, out=dx)

    def backward_frozen(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats, p: Views, s: Views
    ) -> None:
        """Write γ / √(σ² + ε) · dout."""
        _, _, scale, _ = s["vectors"]
        np.multiply(dout, scale, out=dx)
