"""What a penalty on the weights is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple, TypeAlias

from skmlp._params import Constraint
from skmlp._typing import Floats

#: Writes an optimizer's steps per unit of gradient for a part of the flat vector.
Rates: TypeAlias = Callable[[slice, Floats], None]


class Weight(NamedTuple):
    """The weight matrix of a dense layer.

    Attributes
    ----------
    values : ndarray of shape (n_in, n_out)
        A view of the parameters.
    part : slice
        Where it lies in the flat vector.
    """

    values: Floats
    part: slice


class Penalty(ABC):
    """Something that keeps weights small. Biases are spared.

    A member overrides what it needs: a smooth function is added to the loss, a decay
    shrinks the weights before each step, a soft threshold or a projection changes
    them after it.
    """

    constraints: ClassVar[Mapping[str, Constraint]] = {}

    #: Whether it acts on whole matrices, with ``matrix_value`` and ``project``.
    projects: ClassVar[bool] = False

    @property
    @abstractmethod
    def active(self) -> bool:
        """Whether it does anything: one that does not is left out."""

    def bind(self, weights: Sequence[Weight]) -> None:
        """Make the memory that these matrices need, from input to output."""

    def value_gradient(
        self, weights: Floats, grads: Floats, scale: float, scratch: Floats
    ) -> float:
        """Return scale · Ω(w) and add the derivative of its smooth part to `grads`.

        Parameters
        ----------
        weights, grads : ndarray of shape (n,)
            A piece of the penalised parameters and their gradient so far.
        scale : float
            What the penalty is multiplied by: one over the batch's weight sum.
        scratch : ndarray of shape (n,)
            Memory to work in.
        """
        return 0.0

    def matrix_value(self, weights: Sequence[Weight], scale: float) -> float:
        """Return scale · Ω for an Ω of whole matrices; bind first."""
        return 0.0

    def decay(self, lr: float) -> float:
        """Return the share of the weights that goes before a step with learning rate `lr`."""
        return 0.0

    def threshold(self, scale: float) -> float:
        """Return the factor of the part |w| of scale · Ω, which the solver has to treat."""
        return 0.0

    def project(self, weights: Sequence[Weight], rates: Rates, scale: float) -> None:
        """Change whole weight matrices after a step; bind first.

        Parameters
        ----------
        weights : sequence of Weight
            The matrices, from input to output.
        rates : callable
            The metric of the step, as ``rates(part, out)``.
        scale : float
            One over the batch's weight sum.
        """
