"""What a solver tells its caller, and what its caller tells it."""

import math
from typing import NamedTuple, Protocol

from skmlp._arena import Arena


class Outcome(NamedTuple):
    """How a solver ended.

    Attributes
    ----------
    converged : bool
        Whether it stopped by itself.
    message : str
        Why it did not converge; empty if it did.
    loss : float
        The objective at the end, if the solver knows it.
    """

    converged: bool
    message: str = ""
    loss: float = math.nan


class Monitor(Protocol):
    """Who watches a solver, epoch by epoch."""

    def epoch_end(self, loss: float, learning_rate: float | None = None) -> bool:
        """Take loss and last rate of a finished epoch; tell whether progress has stalled."""

    def stalled(self, learning_rate: float | None) -> None:
        """Learn what follows a stall: another learning rate, or None for the end."""


class DivergenceError(ArithmeticError):
    """The loss or the parameters are no longer finite."""


def check_finite(loss: float, params: Arena) -> None:
    """Raise ``DivergenceError`` unless loss and parameters are finite."""
    # x - x is 0 for finite x only.
    if loss - loss != 0.0 or not params.is_finite():
        raise DivergenceError
