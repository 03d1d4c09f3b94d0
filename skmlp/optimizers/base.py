"""What an optimizer is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from skmlp._arena import BLOCK, blocks
from skmlp._params import Constraint
from skmlp._typing import Floats


def _unpenalised(_: slice) -> float:
    """Add nothing to the gradient of a block."""
    return 0.0


class Optimizer(ABC):
    """A first-order update of one flat vector of parameters.

    A member declares its `slots` and writes its formula in ``update``, for any piece
    of the vector. This class gives it the memory and runs it block by block, so
    that the operands of one pass are still in the cache for the next.
    """

    constraints: ClassVar[Mapping[str, Constraint]] = {}

    @property
    @abstractmethod
    def slots(self) -> tuple[str, ...]:
        """Names of the vectors kept from step to step, as long as the parameters."""

    def bind(self, params: Floats, grads: Floats, scratch: Floats | None = None) -> None:
        """Take the vectors to work on, and start with slots of zeros.

        Parameters
        ----------
        params, grads : ndarray of shape (n,)
            The flat parameters, changed in place by ``step``, and their gradient.
        scratch : ndarray of shape (min(BLOCK, n),) or None
            Memory to work in; None makes some.
        """
        self.steps = 0
        self._state = {name: np.zeros_like(params) for name in self.slots}
        if scratch is None:
            scratch = np.empty(min(BLOCK, params.size), params.dtype)
        vectors = (params, grads, *self._state.values())
        self._blocks = [
            (block, (scratch[: block.stop - block.start], *(v[block] for v in vectors)))
            for block in blocks(params.size)
        ]

    def step(self, lr: float, penalise: Callable[[slice], float] = _unpenalised) -> float:
        """Move the parameters once along the bound gradient.

        Parameters
        ----------
        lr : float
            The learning rate.
        penalise : callable
            Called with each block before it moves: adds what it has to the gradient
            and returns its value. So penalties find the block in the cache, too.

        Returns
        -------
        float
            The sum of what `penalise` returned.
        """
        self.steps += 1
        self.prepare(lr)
        penalty = 0.0
        for block, vectors in self._blocks:
            penalty += penalise(block)
            self.update(*vectors)
        return penalty

    @abstractmethod
    def prepare(self, lr: float) -> None:
        """Compute the numbers that are the same for every element of a step."""

    @abstractmethod
    def update(self, scratch: Floats, params: Floats, grads: Floats, *slots: Floats) -> None:
        """Apply the formula to one block, in place.

        Parameters
        ----------
        scratch, params, grads : ndarray of shape (m,)
            Free memory, parameters and gradient.
        *slots : ndarray of shape (m,)
            The slots, in their declared order.
        """

    def state(self) -> dict[str, Any]:
        """Return copies of what the next step depends on: arrays and numbers."""
        return {"steps": self.steps, **{name: v.copy() for name, v in self._state.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned; bind first."""
        self.steps = int(state["steps"])
        for name, vector in self._state.items():
            np.copyto(vector, state[name])
