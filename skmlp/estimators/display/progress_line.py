"""How far a training is, in one line."""

import math
from contextlib import suppress
from datetime import timedelta
from time import monotonic

from skmlp.estimators.display.line import Line, say
from skmlp.estimators.observers import Epoch, Observer

#: Seconds from one writing of the line to the next one.
INTERVAL = 0.1

#: What a broken screen raises, which is no reason for a training to fail.
BROKEN = (OSError, ValueError)


class ProgressLine(Observer):
    """Write one line again and again.

    Parameters
    ----------
    line : Line
        Where to write.
    n_epochs : int
        The most epochs.
    limit : float or None
        The most seconds.
    """

    def __init__(self, line: Line, n_epochs: int, limit: float | None) -> None:
        self._line, self._n_epochs = line, n_epochs
        self._limit = math.inf if limit is None else limit
        self._best = -math.inf
        self._seen: list[Epoch] = []

    def training_begin(self) -> None:
        """Start the clock."""
        self._line.begin()
        self._start = self._written = monotonic()

    def epoch_end(self, epoch: Epoch) -> None:
        """Write the line, unless it has just been written."""
        if epoch.validation_score is not None:
            self._best = max(self._best, epoch.validation_score)
        self._seen = [*self._seen[:1], epoch]
        now = monotonic()
        if now - self._written >= INTERVAL:
            self._written = now
            with suppress(*BROKEN):
                self._line.show(self._fields(f"{_clock(self._left(now))} left"), self._done)

    def stalled(self, message: str) -> None:
        """Print what follows, above the line."""
        say(message)

    def training_end(self) -> None:
        """Leave the line as it is after the last epoch."""
        try:
            if self._seen:
                with suppress(*BROKEN):
                    taken = _clock(monotonic() - self._start)
                    self._line.show(self._fields(f"in {taken}"), self._done)
                    self._line.leave()
        finally:
            self._line.end()

    def _fields(self, time: str) -> list[str]:
        """Return what is known of the last epoch, the most important first."""
        epoch = self._seen[-1]
        number = str(epoch.number).rjust(len(str(self._n_epochs)))
        fields = [f"Epoch {number}/{self._n_epochs}", f"loss {epoch.loss:#.4g}"]
        if epoch.validation_score is not None:
            fields += [f"val {epoch.validation_score:#.4g}", f"best {self._best:#.4g}"]
        fields.append(time)
        if epoch.learning_rate is not None:
            fields.append(f"rate {epoch.learning_rate:.3g}")
        return fields

    @property
    def _done(self) -> float:
        """The share of the epochs that are over."""
        return self._seen[-1].number / self._n_epochs

    def _left(self, now: float) -> float:
        """Return the seconds that are left at the most, if epochs go on to take as long."""
        first, last = self._seen[0].number, self._seen[-1].number
        elapsed = now - self._start
        expected = elapsed / (last - first + 1) * (self._n_epochs - last)
        return max(0.0, min(expected, self._limit - elapsed))


def _clock(seconds: float) -> str:
    """Return a time in words.

    Examples
    --------
    >>> _clock(0.25), _clock(75.0)
    ('0.2 s', '0:01:15')
    """
    return f"{seconds:.1f} s" if seconds < 10.0 else str(timedelta(seconds=round(seconds)))
