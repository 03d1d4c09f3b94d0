"""The scaling of the features by the first layer of the network."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skmlp._typing import Views
from skmlp.estimators.scaling.rows import Rows
from skmlp.estimators.scaling.scaling import SCALINGS, Statistics
from skmlp.layers import Layer, Rescale, SmoothClip
from skmlp.solvers import TrainingSet


def scaling_layers(name: str | None) -> list[Layer]:
    """Return the layers that scale the features; none for a transformer or nothing."""
    if name not in SCALINGS:
        return []
    return [Rescale(), SmoothClip()] if name == "smooth_clip" else [Rescale()]


def measured(
    name: str | None, earlier: Mapping[str, Any] | None, data: TrainingSet, *, incremental: bool
) -> Statistics | None:
    """Return what is known of the features, or None if the network does not scale them.

    A first fit measures its rows, ``partial_fit`` adds its rows to those before, and a
    warm start keeps what is known.

    Parameters
    ----------
    name : str or None
        How features are scaled.
    earlier : mapping or None
        The plain values of earlier statistics.
    data : TrainingSet
        The rows to train on.
    incremental : bool
        Whether they are added to those before.
    """
    if name not in SCALINGS:
        return None
    known = None if earlier is None else SCALINGS[name](**earlier)
    if known is not None and not incremental:
        return known
    now = SCALINGS[name].of(Rows(data.X, data.weight, data.subset))
    return now if known is None else known.merged(now)


def write(statistics: Statistics | None, layers: Sequence[Views]) -> None:
    """Let the first layer scale by what is known, in its type."""
    if statistics is None:
        return
    first = layers[0]
    largest = float(np.finfo(first["scale"].dtype).max)
    np.copyto(first["centre"], statistics.centre, casting="same_kind")
    np.copyto(first["scale"], np.minimum(statistics.scale, largest), casting="same_kind")


def check_statistics(name: str | None, saved: Any, n_features: int) -> None:
    """Refuse saved statistics that are not those of the features.

    Raises
    ------
    ValueError
        If a shape, a type or a value is wrong.
    """
    if name not in SCALINGS and saved is None:
        return
    known = SCALINGS[str(name)](**saved)
    sound = 0.0 < known.total < math.inf and all(
        array.dtype == np.float64 and array.shape[-1] == n_features and np.isfinite(array).all()
        for array in known.arrays
    )
    sound = sound and known.location.shape == known.scale.shape == (n_features,)
    if not sound:
        raise ValueError("The saved statistics of the features do not belong to the network.")
