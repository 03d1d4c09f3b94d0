"""From labels to class codes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Characters of the labels that a message repeats.
LONGEST_LIST = 120


def class_codes(y: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.intp]:
    """Return the position of each label in the sorted `classes`.

    Raises
    ------
    ValueError
        If a label is not there.
    """
    if y.ndim != 1:
        raise ValueError(f"y must be one-dimensional: one class a row. Got shape {y.shape}.")
    comparable = (y.dtype.kind in "OUS") == (classes.dtype.kind in "OUS")
    if comparable:
        codes = np.searchsorted(classes, y).clip(max=len(classes) - 1)
        if np.array_equal(classes[codes], y):
            return codes
    raise ValueError(
        "`y` has classes not in `self.classes_`. "
        f"`self.classes_` has {_few(classes)}. 'y' has {_few(np.unique(y))}. With "
        "allow_new_classes=True, a warm start and partial_fit add classes of the rows to train on."
    )


def _few(labels: NDArray[Any]) -> str:
    """Show some labels in a message."""
    text = np.array2string(labels, threshold=8, max_line_width=10**6)
    return text if len(text) <= LONGEST_LIST else text[: LONGEST_LIST - 3] + "..."
