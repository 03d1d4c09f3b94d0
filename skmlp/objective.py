"""Mean loss plus penalties as a function of the parameters, with its gradient."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skmlp._arena import BLOCK, Arena, blocks, merged
from skmlp._noise import Noise
from skmlp._typing import Floats, Matrix
from skmlp.layers import Step
from skmlp.losses.base import Loss
from skmlp.network import Network
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
        Whether a penalty changes weights after a step.
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
        self.params = Arena(network.layout, dtype)
        self.grads = Arena(network.layout, dtype)
        self.statistics = Arena(network.statistics, dtype)
        self.views = merged(self.params, self.statistics)
        longest = max(network.layout.size, network.statistics.size)
        self.scratch: Floats = np.empty(min(BLOCK, longest), dtype)
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
        frozen = self.frozen_layers
        raw = self.network.train(self.views, X, rows, Step(weight, self.noise), frozen)
        value = self.loss(raw, y, weight, rows.dout[-1], rows.scratch)
        self.network.backward(self.views, self.grads.views, rows, frozen)
        return value

    def forget(self) -> None:
        """Let the next batch alone decide the statistics that are not held."""
        self.network.forget(self.views, self.frozen_layers)

    def sweep(self, total: float, decay: float = 1.0) -> "Sweep":
        """Return what the penalties do to each block of parameters in a step.

        Parameters
        ----------
        total : float
            The weight sum of the batch.
        decay : float
            What weight decay is multiplied by.
        """
        return Sweep(self, 1.0 / total, decay)

    def threshold(self, total: float) -> float:
        """Return the factor of Σ |w| that the solver has to treat.

        Parameters
        ----------
        total : float
            The weight sum of the batch.
        """
        return sum(penalty.threshold(1.0 / total) for penalty in self.penalties)

    def decay(self, lr: float) -> float:
        """Return the share of the weights that decay takes before a step."""
        return sum(penalty.decay(lr) for penalty in self.penalties)

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
        value, sweep = self.loss_gradient(X, y, weight, rows), self.sweep(total)
        return value + sum(
            sweep.before(b) for part in self.moving[0] for b in blocks(part.stop, part.start)
        )


class Sweep:
    """The penalties, block by block of the flat vector.

    Parameters
    ----------
    objective : Objective
        Whose penalties.
    scale : float
        What they are multiplied by: one over the weight sum of the batch.
    decay : float
        What weight decay is multiplied by.

    Attributes
    ----------
    threshold : float
        The strength of the L1 penalty on the weights; biases are spared.
    """

    def __init__(self, objective: Objective, scale: float, decay: float) -> None:
        self._objective, self._scale, self._decay = objective, scale, decay
        self.threshold = objective.threshold(1.0 / scale)
        # Matrices have their value before the first block moves.
        self._matrix_value = sum(
            p.matrix_value(objective.weights, scale) for p in objective.penalties
        )

    def before(self, block: slice) -> float:
        """Add the penalties' gradient; return the penalties' value.

        Parameters
        ----------
        block : slice
            A part of the flat vector, no longer than ``BLOCK``.

        Returns
        -------
        float
            Their value on the block; with the first block that of whole matrices, too.
        """
        objective = self._objective
        part = slice(block.start, min(block.stop, objective.params.n_penalised))
        if part.start >= part.stop:
            return 0.0
        weights, grads = objective.params.flat[part], objective.grads.flat[part]
        value, self._matrix_value = self._matrix_value, 0.0
        for penalty in objective.penalties:
            value += penalty.value_gradient(weights, grads, self._scale, objective.scratch)
        return value

    def decay(self, lr: float) -> float:
        """Return the share of the weights that decay takes; biases are spared."""
        return self._objective.decay(lr * self._decay)
