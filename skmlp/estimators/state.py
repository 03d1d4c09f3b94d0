"""What a pickle holds, and the checks it has to pass when it is read."""

from typing import Any

import numpy as np

from skmlp.activations import ACTIVATIONS
from skmlp.estimators.model import Model

#: Raised whenever older code could not read what newer code writes.
FORMAT = 1

#: What ``__setstate__`` makes again and a pickle therefore leaves out.
DERIVED = "_model"


def packed(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return what to pickle: arrays, numbers, strings, lists and dicts only."""
    kept = {name: value for name, value in attributes.items() if name != DERIVED}
    return {**kept, "_format": FORMAT}


def unpacked(state: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes in a pickled state.

    Raises
    ------
    ValueError
        If another version of skmlp wrote it in a format this one does not read, or
        it names an activation that does not exist.
    """
    state = dict(state)
    written = state.pop("_format", None)
    if written != FORMAT:
        raise ValueError(
            f"This estimator was saved in format {written}, and this version of skmlp reads "
            f"format {FORMAT}. Load it with the version that saved it."
        )
    architecture = state.get("_architecture")
    if architecture is not None and architecture["activation"] not in ACTIVATIONS:
        raise ValueError(f"The saved activation {architecture['activation']!r} is unknown.")
    return state


def check_parameters_fit(model: Model, coefs: Any, intercepts: Any) -> None:
    """Refuse weights that do not belong to the network or are not finite.

    Raises
    ------
    ValueError
        If a shape, a type or a value is wrong.
    """
    declared = [p.shape for layer in model.network.layout.layers for p in layer]
    given = [np.shape(w) for pair in zip(coefs, intercepts, strict=True) for w in pair]
    if declared != given:
        raise ValueError(f"The saved weights have shapes {given}, the network needs {declared}.")
    for array in (*coefs, *intercepts):
        if array.dtype != model.dtype or not np.isfinite(array).all():
            raise ValueError(f"The saved weights are not finite numbers of type {model.dtype}.")
