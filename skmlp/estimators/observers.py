"""Who watches a training, epoch by epoch."""

from typing import NamedTuple


class StopTraining(Exception):  # noqa: N818 - no error, as StopIteration is none
    """The training is to end after this epoch.

    Parameters
    ----------
    by : str
        What the estimator's ``stopped_by_`` will be.
    """

    def __init__(self, by: str) -> None:
        super().__init__(by)
        self.by = by


class Epoch(NamedTuple):
    """A finished epoch.

    Attributes
    ----------
    number : int
        Epochs of this call so far, this one included.
    loss : float
        Loss plus penalties on the training rows.
    learning_rate : float or None
        That of the last step; None with L-BFGS.
    validation_loss, validation_score : float or None
        Of the validation rows, if there are any.
    """

    number: int
    loss: float
    learning_rate: float | None = None
    validation_loss: float | None = None
    validation_score: float | None = None


class Observer:
    """Does nothing; members override what they need."""

    def training_begin(self) -> None:
        """Learn that everything is ready to start."""

    def epoch_begin(self) -> None:
        """Learn that an epoch begins. L-BFGS learns too late that there will be no other one."""

    def epoch_end(self, epoch: Epoch) -> None:
        """Learn of a finished epoch.

        Raises
        ------
        StopTraining
            To end the training.
        """

    def stalled(self, message: str) -> None:
        """Learn that nothing has improved for too long, and what follows."""

    def training_end(self) -> None:
        """Learn that the training is over, however it ended."""
