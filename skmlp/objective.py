"""Mean loss plus penalties as a function of the parameters, with its gradient."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from numpy.typing import DTypeLike, NDArray

from skmlp._arena import BLOCK, Arena, aligned, blocks, merged
from skmlp._noise import Noise
from skmlp._typing import Floats, Matrix
from skmlp.layers import Step
from skmlp.losses.base import Loss
from skmlp.network import Network, Passes
from skmlp.penalties.base import Penalty, Rates, Weight
from skmlp.workspace import Rows, Workspace


class Objective:
    """What a solver makes small: Σ wᵢ ℓᵢ / Σ w + Ω(parameters) / Σ w.

    Parameters
    ----------
    network : Network
        Makes raw scores of a batch.
    loss : Loss
        Compares them with the targets.
    penalties : sequence of Penalty
        Added to the loss, divided by the weight sum of the batch as scikit-learn
        does.
    dtype : dtype
        float32 or float64.

    noise : Noise or None
        Random numbers of stochastic layers; None for those of seed 0.

    Attributes
    ----------
    params, grads, statistics : Arena
        The parameters, zero at first, the gradient that the last call left, and what
        training records for prediction.
    views : list of dict of str to ndarray
        Parameters and statistics of each layer.
    frozen : frozenset of int
        The dense layers that are held, with what goes with each.
    moving, held : list of list of slice
        The parts of the parameters that learn and that are held, and those of the
        statistics.
    weights : list of Weight
        What penalties may change after a step: of a frozen layer no rows.
    projects : bool
        Whether a penalty acts on whole weight matrices: only such a one changes them
        after a step, and has a ``matrix_value``.
    scratch : ndarray
        Memory of one block, free between calls.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        penalties: Sequence[Penalty],
        dtype: DTypeLike,
        noise: Noise | None = None,
    ) -> None:
        self.network, self.loss, self.penalties = network, loss, penalties
        self.noise = noise or Noise()
        self._step = Step(None, self.noise)
        self.params = Arena(network.layout, dtype)
        self.grads = Arena(network.layout, dtype)
        self.statistics = Arena(network.statistics, dtype)
        self.views = merged(self.params, self.statistics)
        longest = max(network.layout.size, network.statistics.size)
        self.scratch: Floats = aligned(min(BLOCK, longest), dtype)
        self._swept = (math.nan, math.nan)
        self.projects = any(penalty.projects for penalty in penalties)
        self.freeze(frozenset())

    def freeze(self, dense: frozenset[int]) -> None:
        """Hold some dense layers and what goes with each; let all others learn.

        Held are parameters and statistics. There is no gradient of what is held, nor
        does any penalty know of it.

        Parameters
        ----------
        dense : frozenset of int
            Their numbers, not those of all.
        """
        blocks = self.network.blocks
        self.frozen = dense
        self._passes: dict[Rows, Passes] = {}
        self.frozen_layers = frozenset(i for i, block in enumerate(blocks) if block in dense)
        learning = set(range(len(blocks))) - self.frozen_layers
        layouts = (self.network.layout, self.network.statistics)
        self.moving = [layout.runs(learning) for layout in layouts]
        self.held = [layout.runs(self.frozen_layers) for layout in layouts]
        for part in self.held[0]:
            self.grads.flat[part] = 0.0  # for whoever looks at the gradient as a whole
        self.weights = [
            self._weight(i) for i, views in enumerate(self.params.views) if "weight" in views
        ]
        for penalty in self.penalties:
            penalty.bind(self.weights)
        self._penalised = list(self._pieces())

    def _pieces(self) -> Iterator[tuple[Floats, ...]]:
        """Yield scratch, parameters and gradient of each block that learns and is penalised."""
        for part in self.moving[0]:
            for block in blocks(min(part.stop, self.params.n_penalised), part.start):
                size = block.stop - block.start
                yield self.scratch[:size], self.params.flat[block], self.grads.flat[block]

    def _weight(self, i: int) -> Weight:
        """Return what penalties may change of the weight matrix of layer `i`."""
        values, part = self.params.views[i]["weight"], self.network.layout.part(i, "weight")
        if i in self.frozen_layers:
            return Weight(values[:0], slice(part.start, part.start))
        return Weight(values, part)

    def workspace(self, n_rows: int, *, sparse: bool = False) -> Workspace:
        """Return memory for batches of up to `n_rows` rows, dense or `sparse` ones."""
        scratch = self.loss.buffers(self.network.n_outputs)
        plan = self.network.plan_for(self.views, sparse=sparse)
        return Workspace(n_rows, self.params.flat.dtype, plan, scratch)

    def loss_gradient(self, X: Matrix, y: NDArray[Any], weight: Floats | None, rows: Rows) -> float:
        """Return the mean loss of one batch and leave its gradient in ``grads``.

        Parameters
        ----------
        X : ndarray or sparse array of shape (k, n_features)
            The batch.
        y : ndarray of shape (k,) or (k, n_outputs)
            Its encoded targets.
        weight : ndarray of shape (k,) or None
            Its weights divided by their sum; None for equal ones.
        rows : Rows
            Memory for `k` rows.
        """
        passes = self._passes.get(rows) or self._wire(rows)
        self._step.weight = weight
        raw = passes.forward(X, self._step)
        value = self.loss(raw, y, weight, rows.dout[-1], rows.scratch)
        passes.backward()
        return value

    def _wire(self, rows: Rows) -> Passes:
        """Return the two passes through memory that is used for the first time."""
        grads, frozen = self.grads.views, self.frozen_layers
        self._passes[rows] = Passes(self.network, self.views, grads, rows, frozen)
        return self._passes[rows]

    def forget(self) -> None:
        """Let the next batch alone decide the statistics that are not held."""
        self.network.forget(self.views, self.frozen_layers)

    def sweep(self, total: float, decay: float = 1.0) -> "Sweep":
        """Return what the penalties do to the penalised parameters in a step.

        Parameters
        ----------
        total : float
            The weight sum of the batch.
        decay : float
            What weight decay is multiplied by.
        """
        # Kept for the next step: weight sums differ seldom.
        if (total, decay) != self._swept:
            self._swept = total, decay
            self._sweep = Sweep(self.penalties, 1.0 / total, decay)
        return self._sweep

    def threshold(self, total: float) -> float:
        """Return the factor of Σ |w| that the solver has to treat.

        Parameters
        ----------
        total : float
            The weight sum of the batch.
        """
        return sum(penalty.threshold(1.0 / total) for penalty in self.penalties)

    def matrix_value(self, total: float) -> float:
        """Return the penalties on whole weight matrices.

        Parameters
        ----------
        total : float
            The weight sum of the batch.
        """
        return sum(penalty.matrix_value(self.weights, 1.0 / total) for penalty in self.penalties)

    def project(self, total: float, iterate: Floats, rates: Rates) -> None:
        """Let the penalties change whole weight matrices after a step.

        Parameters
        ----------
        total : float
            The weight sum of the batch.
        iterate : ndarray
            The vector that the step moved: the parameters, with most optimizers.
        rates : callable
            The metric of the step, as ``rates(part, out)``.
        """
        if iterate is self.params.flat:
            weights = self.weights
        else:
            weights = [
                Weight(iterate[part].reshape(values.shape), part) for values, part in self.weights
            ]
        for penalty in self.penalties:
            penalty.project(weights, rates, 1.0 / total)

    def __call__(
        self, X: Matrix, y: NDArray[Any], weight: Floats | None, total: float, rows: Rows
    ) -> float:
        """Return loss plus penalties of one batch and leave the gradient in ``grads``.

        Parameters
        ----------
        X, y, weight, rows
            As for ``loss_gradient``.
        total : float
            The weight sum, `k` for equal weights.
        """
        sweep = self.sweep(total)
        value = self.loss_gradient(X, y, weight, rows) + self.matrix_value(total)
        return value + sum(sweep.before(*vectors) for vectors in self._penalised)


class Sweep:
    """What the penalties do to each piece of the penalised parameters in a step.

    Parameters
    ----------
    penalties : sequence of Penalty
        All of them.
    scale : float
        What they are multiplied by: one over the weight sum of the batch.
    decay : float
        What weight decay is multiplied by.

    Attributes
    ----------
    threshold : float
        The strength of the L1 penalty.
    """

    def __init__(self, penalties: Sequence[Penalty], scale: float, decay: float) -> None:
        self._penalties, self._scale, self._decay = penalties, scale, decay
        self.threshold = sum(penalty.threshold(scale) for penalty in penalties)

    def before(self, scratch: Floats, params: Floats, grads: Floats) -> float:
        """Add the penalties' gradient to that of a piece; return the penalties' value."""
        value = 0.0
        for penalty in self._penalties:
            value += penalty.value_gradient(params, grads, self._scale, scratch)
        return value

    def decay(self, lr: float) -> float:
        """Return the share of the parameters that decay takes."""
        share = 0.0
        for penalty in self._penalties:
            share += penalty.decay(lr * self._decay)
        return share
