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
    stopped_by : str
        What ended it: 'tol', 'max_iter', 'max_fun', 'line_search', or what an observer
        or an accident is called.
    """

    converged: bool
    message: str = ""
    loss: float = math.nan
    stopped_by: str = "tol"


class Monitor(Protocol):
    """Who watches a solver, epoch by epoch. Its methods may raise, to end the training."""

    def epoch_begin(self) -> None:
        """Learn that an epoch begins; L-BFGS finds out too late that it need not have."""

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
