"""What a penalty on the weights is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from skmlp._params import Constraint
from skmlp._typing import Floats


class Penalty(ABC):
    """A smooth function of the weights that is added to the loss."""

    constraints: ClassVar[Mapping[str, Constraint]] = {}

    @abstractmethod
    def value_gradient(
        self, weights: Floats, grads: Floats, scale: float, scratch: Floats
    ) -> float:
        """Return scale · Ω(w) and add its derivative to `grads`.

        Parameters
        ----------
        weights, grads : ndarray of shape (n,)
            The penalised parameters, flat, and their gradient so far.
        scale : float
            What the penalty is multiplied by: one over the batch's weight sum.
        scratch : ndarray of shape (min(BLOCK, n),)
            Memory to work in.
        """
