"""A line on the screen that is written again and again."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress


class Line(ABC):
    """Shows how far a training is."""

    @abstractmethod
    def begin(self) -> None:
        """Take care, from now on, that others do not write into the line."""

    @abstractmethod
    def show(self, fields: Sequence[str], done: float) -> None:
        """Write the line in place of the last one.

        Parameters
        ----------
        fields : sequence of str
            What to tell, the most important first.
        done : float
            Share of the training that is over, in [0, 1].
        """

    @abstractmethod
    def leave(self) -> None:
        """Go on below the line."""

    @abstractmethod
    def end(self) -> None:
        """Let others write as they like."""


def cut(fields: Sequence[str], width: int) -> str:
    """Return as many fields as there is room for.

    Examples
    --------
    >>> cut(["Epoch 1/200", "loss 0.6931", "0:05 left"], 30)
    'Epoch 1/200, loss 0.6931'
    """
    text = fields[0][:width]
    for field in fields[1:]:
        if len(text) + len(field) + 2 > width:
            break
        text = f"{text}, {field}"
    return text


def say(text: str) -> None:
    """Print a line, at once so that lines of several processes stay whole.

    Output that is missing, closed or broken is no reason for a training to fail.
    """
    with suppress(AttributeError, OSError, ValueError):
        sys.stdout.write(f"{text}\n")
