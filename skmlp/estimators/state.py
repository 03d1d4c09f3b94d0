"""What a pickle holds, and the checks it has to pass when it is read."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np

from skmlp._noise import Noise
from skmlp._params import Constraint, Interval, Nothing, Options, check_parameters, shown
from skmlp.estimators.architecture import SHAPING, TRANSIENT
from skmlp.estimators.model import Arrays, Model, Weights
from skmlp.estimators.scaling.feature_scaling import check_statistics
from skmlp.estimators.scaling.scaling import SCALINGS
from skmlp.estimators.scaling.transformers import TRANSFORMER

#: Raised whenever older code could not read what newer code writes, or the reverse.
FORMAT = 2

#: What ``__setstate__`` makes again and a pickle therefore leaves out.
DERIVED = "_model"

#: What is there while scikit-learn's callbacks watch, and means nothing elsewhere.
WATCHED = {"_callback_fit_ctx", "_skl_callbacks_to_teardown"}

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

#: What was known of earlier epochs when a call of ``partial_fit`` ended.
_MEMORIES = {
    "patience": {"best", "count"},
    "keeper": {"score", "epoch", "kept_epoch", "params", "statistics"},
}

#: What says whether a later call may go on from there.
_WATCHED_BY = ("decisive", "incremental")

#: What was kept of the weights on the way.
_COPIES = {"epoch", "params", "statistics"}

#: The numbers that may be negative, and before the first epoch are infinite.
_SCORES = ("best", "score")


def packed(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return what to pickle: arrays, numbers, strings, lists and dicts only."""
    kept = {n: value for n, value in attributes.items() if n not in {DERIVED, *WATCHED}}
    return {**kept, "_format": FORMAT}


@contextmanager
def refusing_damage() -> Iterator[None]:
    """Turn what goes wrong with a damaged state into a ``ValueError``."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError) as error:
        raise ValueError(
            f"This is not what was saved of such an estimator, or it is damaged: {shown(error)}."
        ) from error


def unpacked(state: Any) -> dict[str, Any]:
    """Return the attributes in a pickled state.

    Raises
    ------
    ValueError
        If another version of skmlp wrote it in a format this one does not read.
    """
    attributes = dict(state) if isinstance(state, Mapping) else {}
    if "_format" not in attributes:
        raise ValueError("This is not the saved state of an estimator of skmlp: it has no format.")
    written = attributes.pop("_format")
    if written != FORMAT:
        raise ValueError(
            f"Another version of skmlp saved this state, in format {shown(written)}; this one "
            f"reads format {FORMAT}. Load it with the version that saved it, or fit again."
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
    missing = missing or ARCHITECTURE.keys() - attributes["_architecture"].keys()
    if missing:
        raise ValueError(f"The saved state is incomplete; it lacks {sorted(missing)}.")
    check_parameters("the saved architecture", attributes["_architecture"], ARCHITECTURE)
    _check_size(attributes)
    if "classes_" in attributes:
        _check_classes(attributes)
    return True


def _check_size(attributes: Mapping[str, Any]) -> None:
    """Refuse more targets than there are biases, before memory for them is asked for."""
    n_targets = attributes["_architecture"].get("n_targets", 1)
    if not Interval(Integral, 1, attributes["intercepts_"][-1].size, "both").accepts(n_targets):
        raise ValueError(f"The saved network has no biases for {shown(n_targets)} target(s).")


def _check_classes(attributes: Mapping[str, Any]) -> None:
    """Refuse labels that are not sorted, each by itself: rows are looked up among them."""
    classes, kind = attributes["classes_"], attributes["_architecture"].get("target")
    for labels in classes if kind == "multioutput" else [classes]:
        if labels.ndim != 1 or not np.array_equal(np.unique(labels), labels):
            raise ValueError(f"The saved classes are not sorted labels: {shown(labels)}.")


def check_weights(model: Arrays, attributes: Mapping[str, Any]) -> None:
    """Refuse weights that do not belong to the network or are not finite.

    Raises
    ------
    ValueError
        If a shape, a type or a value is wrong.
    """
    weights = Weights(attributes["coefs_"], attributes["intercepts_"], attributes["layer_params_"])
    arrays = _by_name(weights)
    found = {name: np.shape(array) for name, array in arrays.items()}
    needed = _by_name(model.weights(model.shapes))  # type: ignore[arg-type] # shapes for arrays
    for name in [*needed, *found]:
        if found.get(name) != needed.get(name):
            raise ValueError(
                f"The weights do not fit into the network: {name} has {_shape(found.get(name))}, "
                f"where the network needs {_shape(needed.get(name))}."
            )
    for name, array in arrays.items():
        if not _is_numeric(array, model):
            raise ValueError(f"{name} does not consist of finite numbers of type {model.dtype}.")


def _by_name(weights: Weights) -> dict[str, Any]:
    """Return the arrays with the names that a user calls them by."""
    coefs = {f"coefs_[{i}]": w for i, w in enumerate(weights.coefs)}
    intercepts = {f"intercepts_[{i}]": b for i, b in enumerate(weights.intercepts)}
    others = {
        f"layer_params_[{i}][{name!r}]": array
        for i, arrays in enumerate(weights.others)
        for name, array in arrays.items()
    }
    return {**coefs, **intercepts, **others}


def _shape(shape: tuple[int, ...] | None) -> str:
    """Name a shape, if there is an array at all."""
    return "no array" if shape is None else f"shape {shown(shape)}"


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
    n_seen, names = attributes["n_features_in_"], attributes.get("feature_names_in_")
    if not isinstance(n_seen, Integral) or (names is not None and not _are_names(names, n_seen)):
        raise ValueError(f"The saved features are not {shown(n_seen)} with a name each.")
    if n_seen != n_features and scaling != TRANSFORMER:
        raise ValueError(f"The saved network takes {n_features} features, not {n_seen}.")
    check_statistics(scaling, attributes["_feature_statistics"], n_features)


def _are_names(names: Any, n_features: Any) -> bool:
    """Tell whether each feature has a name."""
    return names.shape == (n_features,) and all(isinstance(name, str) for name in names)


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
    watched = saved.get("watched", dict.fromkeys(_WATCHED_BY, False))
    memories = {name: watched[name] for name in _MEMORIES if name in watched}
    stores = [saved[name] for name in ("optimizer", "evaluated", "progress")]
    sound = all(_is_sound(model, store) for store in [*stores, *memories.values()])
    sound = sound and ("steps" in saved["optimizer"] or not saved["optimizer"])
    sound = sound and all(saved["progress"][name] >= 1 for name in ("batches", "planned"))
    sound = sound and all(memory.keys() == _MEMORIES[name] for name, memory in memories.items())
    sound = sound and all(isinstance(watched[name], bool) for name in _WATCHED_BY)
    if not sound or not _is_order(saved.get("order")):
        raise ValueError("The saved state of training does not belong to the saved network.")


def check_kept(model: Model, kept: Any) -> None:
    """Refuse copies of weights, made on the way, that do not belong to the network.

    Raises
    ------
    ValueError
        If one is not what ``KeptWeights`` made.
    """
    if not all(copies.keys() == _COPIES and _is_sound(model, copies) for copies in kept):
        raise ValueError("The saved copies of weights do not belong to the saved network.")


def _is_sound(model: Model, store: Mapping[str, Any]) -> bool:
    """Tell whether vectors are as long as the network's, and numbers are what they can be."""
    sizes = {"statistics": model.network.statistics.size}
    return all(
        v.shape == (sizes.get(name, model.network.layout.size),) and _is_numeric(v, model)
        if isinstance(v, np.ndarray)
        else isinstance(v, Real) and _is_possible(name, float(v))
        for name, v in store.items()
    )


def _is_possible(name: str, number: float) -> bool:
    """Tell whether a number can be what its name says."""
    return not math.isnan(number) if name in _SCORES else 0 <= number < math.inf


def _is_order(order: Any) -> bool:
    """Tell whether an array, if there is one, is an order of rows."""
    return order is None or bool(order.dtype.kind == "i" and len(np.unique(order)) == len(order))


def _is_numeric(array: Any, model: Arrays) -> bool:
    """Tell whether an array holds finite numbers of the network's type."""
    return bool(array.dtype == model.dtype and np.isfinite(array).all())
