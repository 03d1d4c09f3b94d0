"""What ``verbose`` shows."""

import multiprocessing
import os
import sys
import threading
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from skmlp.estimators.display.line import Line, say
from skmlp.estimators.display.plain_line import PlainLine
from skmlp.estimators.display.progress_line import ProgressLine
from skmlp.estimators.observers import Epoch, Observer

#: Whose streams call themselves terminals and do not let a line be written again.
PRETENDERS = ("idlelib", "rich")


class Lines(Observer):
    """Print a line an epoch, in scikit-learn's words."""

    def epoch_end(self, epoch: Epoch) -> None:
        """Print loss and score."""
        say(f"Iteration {epoch.number}, loss = {epoch.loss:.8f}")
        if epoch.validation_score is not None:
            say(f"Validation score: {epoch.validation_score:f}")

    def stalled(self, message: str) -> None:
        """Print what follows."""
        say(message)


def build_display(settings: Mapping[str, Any]) -> list[Observer]:
    """Return who shows the epochs to the user, if the parameters ask for that.

    One line that is written again and again is for a person who looks at one training
    of several epochs. In files, from several processes or threads at once, and above
    scikit-learn's own progress bar it would be a mess.
    """
    verbose, n_epochs = settings["verbose"], settings["max_iter"]
    if not verbose:
        return []
    if verbose > 1 or n_epochs == 1 or _has_company() or not _is_rewritable(sys.stdout):
        return [Lines()]
    return [ProgressLine(_line(), n_epochs, settings["max_time"])]


def _has_company() -> bool:
    """Tell whether somebody else may write to the same screen."""
    names = {type(thread).__name__ for thread in threading.enumerate()}
    return (
        multiprocessing.parent_process() is not None
        or threading.current_thread() is not threading.main_thread()
        or "RichProgressMonitor" in names  # scikit-learn's ProgressBar draws in this thread
    )


def _is_rewritable(stream: Any) -> bool:
    """Tell whether a line can be written again: on a terminal, or in a notebook."""
    if _is_notebook(stream):
        return True
    try:
        terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):  # missing, closed, or hardly a file
        return False
    return bool(terminal) and type(stream).__module__.split(".")[0] not in PRETENDERS


def _is_notebook(stream: Any) -> bool:
    """Tell whether a stream leads to a notebook."""
    return type(stream).__module__.startswith("ipykernel")


def _line() -> Line:
    """Return the line, by rich if that is installed. Notebooks need nothing but text."""
    if _is_notebook(sys.stdout) or find_spec("rich") is None:
        return PlainLine()
    from skmlp.estimators.display.rich_line import RichLine  # noqa: PLC0415 (an optional package)

    return RichLine()
