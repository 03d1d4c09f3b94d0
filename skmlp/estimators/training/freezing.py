"""From the parameter `frozen_layers` to layers and the epochs they are frozen."""

import math
from collections.abc import Mapping
from numbers import Integral
from typing import Any

from skmlp._params import Dictionary, Interval, InvalidParameterError, Sequence, shown
from skmlp.estimators.architecture import hidden_sizes

_INDEX = Interval(Integral, None, None, closed="neither")

#: Indices of dense layers, or those with the epochs after which they thaw.
FROZEN_LAYERS = Sequence(_INDEX) | Dictionary(_INDEX, Interval(Integral, 0, None, closed="left"))


def thaws(settings: Mapping[str, Any]) -> bool:
    """Tell whether layers are frozen for a number of epochs."""
    return isinstance(settings["frozen_layers"], Mapping) and bool(settings["frozen_layers"])


def frozen_epochs(settings: Mapping[str, Any]) -> dict[int, float]:
    """Return the dense layers that are frozen, counted from the first, and for how long.

    Raises
    ------
    InvalidParameterError
        If there is no such layer, one is named twice, or none is left to learn.
    """
    asked, n_layers = settings["frozen_layers"], len(hidden_sizes(settings)) + 1
    pairs = asked.items() if isinstance(asked, Mapping) else ((i, math.inf) for i in asked)
    epochs: dict[int, float] = {}
    for index, duration in pairs:
        layer = int(index) + n_layers if index < 0 else int(index)
        if not 0 <= layer < n_layers:
            raise _refused(
                asked, f"has index {index}, but there are {n_layers} layer(s) of weights"
            )
        if layer in epochs:
            raise _refused(asked, f"names layer {layer} twice")
        epochs[layer] = duration
    if sum(duration > 0 for duration in epochs.values()) == n_layers:
        raise _refused(asked, "leaves no layer of weights to learn")
    return epochs


def _refused(asked: Any, problem: str) -> InvalidParameterError:
    """Return the error that says what is wrong with the parameter."""
    return InvalidParameterError(f"The 'frozen_layers' parameter {problem}. Got {shown(asked)}.")
