"""A limit on the time of a training."""

from time import monotonic

from skmlp.estimators.observers import Epoch, Observer, StopTraining


class TimeLimit(Observer):
    """End the training after the first epoch that ends too late.

    Parameters
    ----------
    seconds : float
        From the beginning of the training.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def training_begin(self) -> None:
        """Start the clock."""
        self._start = monotonic()

    def epoch_end(self, epoch: Epoch) -> None:
        """Look at the clock."""
        if monotonic() - self._start >= self._seconds:
            raise StopTraining("max_time")
