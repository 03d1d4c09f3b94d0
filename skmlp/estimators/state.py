"""What a pickle holds, and the checks it has to pass when it is read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np

from skmlp._noise import Noise
from skmlp._params import Constraint, Interval, Nothing, Options, check_parameters
from skmlp.estimators.architecture import SHAPING, TRANSIENT
from skmlp.estimators.feature_scaling import check_statistics
from skmlp.estimators.model import Model, Weights
from skmlp.estimators.scaling import SCALINGS
from skmlp.estimators.transformers import TRANSFORMER

#: Raised whenever older code could not read what newer code writes.
FORMAT = 1

#: What ``__setstate__`` makes again and a pickle therefore leaves out.
DERIVED = "_model"

#: What a fitted estimator has and an unfitted one has not.
FITTED = {
    "coefs_",
    "intercepts_",
    "layer_params_",
    "n_features_in_",
    "_architecture",
    "_feature_statistics",
    "_resume",
}

_WIDTH = Interval(Integral, 1, None, closed="left")
ARCHITECTURE: Mapping[str, Constraint] = {
    "n_features": _WIDTH,
    **SHAPING,
    **TRANSIENT,
    "feature_scaling": Nothing() | Options([*SCALINGS, TRANSFORMER]),
    "dtype": Options(["float32", "float64"]),
}


def packed(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return what to pickle: arrays, numbers, strings, lists and dicts only."""
    kept = {name: value for name, value in attributes.items() if name != DERIVED}
    return {**kept, "_format": FORMAT}


@contextmanager
def refusing_damage() -> Iterator[None]:
    """Turn what goes wrong with a damaged state into a ``ValueError``."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(
            f"The saved state is not that of this estimator, or it is damaged: {error!r}."
        ) from error


def unpacked(state: Any) -> dict[str, Any]:
    """Return the attributes in a pickled state.

    Raises
    ------
    ValueError
        If another version of skmlp wrote it in a format this one does not read.
    """
    attributes = dict(state) if isinstance(state, Mapping) else {}
    written = attributes.pop("_format", None)
    if written != FORMAT:
        raise ValueError(
            f"This state was saved in format {written}, and this version of skmlp reads format "
            f"{FORMAT}. Load it with the version that saved it."
        )
    return attributes


def is_fitted(attributes: Mapping[str, Any]) -> bool:
    """Tell whether the attributes are those of a fitted estimator.

    Raises
    ------
    ValueError
        If only some of what a fitted estimator has is there, or its architecture
        is not allowed.
    """
    missing = FITTED - attributes.keys()
    if missing == FITTED:
        return False
    if missing or ARCHITECTURE.keys() - attributes["_architecture"].keys():
        raise ValueError(f"The saved state is incomplete; it lacks {sorted(missing)}.")
    check_parameters("the saved architecture", attributes["_architecture"], ARCHITECTURE)
    return True


def check_weights(model: Model, attributes: Mapping[str, Any]) -> None:
    """Refuse weights that do not belong to the network or are not finite.

    Raises
    ------
    ValueError
        If a shape, a type or a value is wrong.
    """
    weights = Weights(attributes["coefs_"], attributes["intercepts_"], attributes["layer_params_"])
    given = model.parameters(weights)
    found = [{name: np.shape(v) for name, v in layer.items()} for layer in given]
    if found != model.shapes:
        raise ValueError(
            f"The saved weights have shapes {found}, the network needs {model.shapes}."
        )
    arrays = [*weights.coefs, *weights.intercepts, *(v for p in weights.others for v in p.values())]
    if not all(_is_numeric(array, model) for array in arrays):
        raise ValueError(f"The saved weights are not finite numbers of type {model.dtype}.")


def check_features(model: Model, attributes: Mapping[str, Any]) -> None:
    """Refuse features of another number than the network takes, or scaled in another way.

    Raises
    ------
    ValueError
        If a number, a shape, a type or a value is wrong.
    """
    n_features, scaling = model.network.n_features, model.architecture["feature_scaling"]
    if scaling == TRANSFORMER and "feature_scaler_" not in attributes:
        raise ValueError("The saved state lacks the transformer of the features.")
    n_seen = attributes["n_features_in_"]
    if n_seen != n_features and scaling != TRANSFORMER:
        raise ValueError(f"The saved network takes {n_features} features, not {n_seen}.")
    check_statistics(scaling, attributes["_feature_statistics"], n_features)


def check_resume(model: Model, saved: Any) -> None:
    """Refuse a saved state of training that does not belong to the network.

    Raises
    ------
    ValueError
        If it is not what ``Training.state`` returns.
    """
    if saved is None:
        return
    Noise().restore(saved["noise"])  # raises what ``refusing_damage`` turns into one
    network = model.network
    sizes = {"statistics": network.statistics.size}
    kept = {**saved["optimizer"], **saved["evaluated"], **saved["progress"]}
    vectors = {name: v for name, v in kept.items() if isinstance(v, np.ndarray)}
    numbers = [v for name, v in kept.items() if name not in vectors]
    sound = all(
        v.shape == (sizes.get(name, network.layout.size),) and _is_numeric(v, model)
        for name, v in vectors.items()
    )
    sound = sound and all(isinstance(v, Real) and 0 <= float(v) < np.inf for v in numbers)
    sound = sound and ("steps" in saved["optimizer"] or not saved["optimizer"])
    sound = sound and all(kept[name] >= 1 for name in ("batches", "planned"))
    if not sound or not _is_order(saved.get("order")):
        raise ValueError("The saved state of training does not belong to the saved network.")


def _is_order(order: Any) -> bool:
    """Tell whether an array, if there is one, is an order of rows."""
    return order is None or bool(order.dtype.kind == "i" and len(np.unique(order)) == len(order))


def _is_numeric(array: Any, model: Model) -> bool:
    """Tell whether an array holds finite numbers of the network's type."""
    return bool(array.dtype == model.dtype and np.isfinite(array).all())
