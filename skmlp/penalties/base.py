"""What a penalty on the weights is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from skmlp._params import Constraint
from skmlp._typing import Floats


class Penalty(ABC):
    """A smooth function that is added to the loss, a sum over the weights."""

    constraints: ClassVar[Mapping[str, Constraint]] = {}

    @abstractmethod
    def value_gradient(
        self, weights: Floats, grads: Floats, scale: float, scratch: Floats
    ) -> float:
        """Return scale · Ω(w) and add its derivative to `grads`.

        Parameters
        ----------
        weights, grads : ndarray of shape (n,)
            A piece of the penalised parameters and their gradient so far.
        scale : float
            What the penalty is multiplied by: one over the batch's weight sum.
        scratch : ndarray of shape (n,) or longer
            Memory to work in.
        """
