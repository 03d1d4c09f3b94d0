"""Weights for prediction that differ from those in training."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from skmlp._arena import Arena, blocks, merged
from skmlp._typing import Floats
from skmlp.objective import Objective
from skmlp.optimizers.base import Optimizer


class Evaluated(ABC):
    """What validation and prediction use.

    Attributes
    ----------
    arenas : tuple of Arena
        The parameters and the statistics.
    views : list of dict of str to ndarray
        Their named arrays, layer by layer.
    """

    arenas: tuple[Arena, Arena]
    views: list[dict[str, Floats]]

    def freeze(self) -> None:
        """Learn that the objective holds other layers than before."""

    def after_step(self) -> None:
        """Learn that the parameters have moved."""

    @abstractmethod
    def refresh(self) -> None:
        """Bring the arenas up to date, before validation and at the end of the training."""

    def state(self) -> dict[str, Any]:
        """Return what a later run needs to go on: arrays and numbers."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""


class Current(Evaluated):
    """The parameters as they are."""

    def __init__(self, objective: Objective) -> None:
        self.arenas = (objective.params, objective.statistics)
        self.views = objective.views

    def refresh(self) -> None:
        """Do nothing: the arenas are those in training."""


class Apart(Evaluated):
    """Arenas of their own, beside those in training."""

    def __init__(self, objective: Objective) -> None:
        self._sources = (objective.params, objective.statistics)
        dtype = objective.params.flat.dtype
        network = objective.network
        self.arenas = (Arena(network.layout, dtype), Arena(network.statistics, dtype))
        self.views = merged(*self.arenas)

    def state(self) -> dict[str, Any]:
        """Return the parameters in training, which prediction does not show."""
        return {
            name: source.flat.copy()
            for name, source in zip(("params", "statistics"), self._sources, strict=True)
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put back the parameters in training."""
        for name, source in zip(("params", "statistics"), self._sources, strict=True):
            np.copyto(source.flat, state[name])


class Shown(Apart):
    """What the optimizer says is to be evaluated.

    Parameters
    ----------
    objective : Objective
        Whose parameters; statistics are as in training.
    optimizer : Optimizer
        Has other parameters for predictions than for gradients.
    """

    def __init__(self, objective: Objective, optimizer: Optimizer) -> None:
        super().__init__(objective)
        self._optimizer = optimizer

    def refresh(self) -> None:
        """Ask the optimizer."""
        params, statistics = self.arenas
        self._optimizer.evaluation(params.flat)
        np.copyto(statistics.flat, self._sources[1].flat)


class Average(Apart):
    """w̄ ← w̄ + (1 - d) (w - w̄) after each step, statistics included.

    The mean of all steps has d = 1 - 1/t. An exponential one has the given decay,
    but at the beginning that of the mean, so that it does not lean on the start.
    Weights that are exactly zero at the end of an epoch, by an L1 penalty, are zero in
    the average, too.

    Parameters
    ----------
    objective : Objective
        Whose parameters.
    decay : float
        d of the exponential average; 1 for the mean of all steps.

    References
    ----------
    Polyak & Juditsky (1992), "Acceleration of stochastic approximation by averaging",
    SIAM Journal on Control and Optimization 30.
    """

    def __init__(self, objective: Objective, decay: float) -> None:
        super().__init__(objective)
        self._decay, self._steps = decay, 0
        self._objective = objective
        self._cut()

    def _cut(self) -> None:
        """Cut what learns into blocks."""
        vectors = zip(self.arenas, self._sources, self._objective.moving, strict=True)
        scratch = self._objective.scratch
        self._blocks = [
            (arena.flat[block], source.flat[block], scratch[: block.stop - block.start])
            for arena, source, moving in vectors
            for part in moving
            for block in blocks(part.stop, part.start)
        ]

    def freeze(self) -> None:
        """Hold the frozen layers at their average: it is what prediction uses."""
        self._cut()
        vectors = zip(self.arenas, self._sources, self._objective.held, strict=True)
        for arena, source, held in vectors:
            start, end = (arena, source) if self._steps else (source, arena)
            for part in held:
                np.copyto(end.flat[part], start.flat[part])

    def after_step(self) -> None:
        """Add the parameters to their average, block by block."""
        self._steps += 1
        newest = max(1.0 - self._decay, 1.0 / self._steps)
        for average, current, change in self._blocks:
            np.subtract(current, average, out=change)
            np.multiply(change, newest, out=change)
            np.add(average, change, out=average)

    def refresh(self) -> None:
        """Clear what is zero now; without a step, show what the training started from."""
        for arena, source in zip(self.arenas, self._sources, strict=True):
            if not self._steps:
                np.copyto(arena.flat, source.flat)
            head = slice(0, arena.n_penalised)
            current = source.flat[head]
            np.copyto(arena.flat[head], current, where=current == 0.0)

    def state(self) -> dict[str, Any]:
        """Return the number of steps and the parameters in training."""
        return {"steps": self._steps, **super().state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the parameters for the average, and put back those in training."""
        for arena, source in zip(self.arenas, self._sources, strict=True):
            np.copyto(arena.flat, source.flat)
        self._steps = int(state["steps"])
        super().restore(state)
