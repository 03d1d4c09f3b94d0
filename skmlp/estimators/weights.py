"""Weights as plain values, with what prediction needs beside them, and in files."""

import copy
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from skmlp._params import check_parameters, shown
from skmlp._typing import Floats, Views
from skmlp.estimators.architecture import TRANSIENT, per_layer
from skmlp.estimators.losses import alike
from skmlp.estimators.scaling.transformers import TRANSFORMER
from skmlp.estimators.state import ARCHITECTURE, refusing_damage
from skmlp.estimators.storage import files
from skmlp.estimators.storage.files import StrPath

#: Raised whenever older code could not read what newer code writes.
FORMAT = 1

#: What weights consist of.
_ENTRIES = (
    *("format", "estimator", "architecture", "n_features", "feature_names", "classes"),
    *("coefs", "intercepts", "layer_params", "feature_statistics"),
)

#: What an architecture has learnt from data, and weights therefore bring along.
_LEARNT = ("target_centre", "target_scale")

#: What weights of the same shapes may differ in: their type, and what training alone sees.
_FREE = {"hidden_layer_sizes", "dtype", *TRANSIENT, *_LEARNT}

#: What training would have recorded, of an estimator that has not been trained.
_UNTRAINED: dict[str, Any] = {
    "learning_rate_curve_": [],
    "loss_curve_": [],
    "loss_": None,
    "best_loss_": None,
    "checkpoint_epochs_": [],
    "_checkpoints": [],
    "validation_loss_curve_": None,
    "validation_scores_": None,
    "best_validation_score_": None,
    "best_iter_": 0,
    "stopped_by_": None,
    "n_iter_": 0,
    "t_": 0,
    "_no_improvement_count": 0,
    "_resume": None,
}

#: What a file of weights says of an architecture, in lists or by itself.
_PLAIN = str | bool | int | float | None

#: What a saved state of training says of its random numbers rather than of its weights.
_STREAMS = ("noise", "progress", "seed", "rng")


def read(path: StrPath) -> dict[str, Any]:
    """Return the weights in a file that ``save_weights`` wrote.

    Whether they make sense, an estimator that takes them finds out.

    Raises
    ------
    ValueError
        If the file holds something else.
    """
    weights = files.read(path)
    if not isinstance(weights, dict) or "coefs" not in weights:
        raise ValueError(f"{str(path)!r} holds no weights of an estimator.")
    return weights


class PortableWeights:
    """What an estimator does with weights as plain values."""

    coefs_: list[Floats]
    intercepts_: list[Floats]
    layer_params_: list[Views]
    n_features_in_: int
    _architecture: dict[str, Any]
    _feature_statistics: dict[str, Any] | None
    _resume: dict[str, Any] | None

    def get_weights(self) -> dict[str, Any]:
        """Return copies of the weights, with what they mean.

        Returns
        -------
        dict
            ``coefs``, ``intercepts`` and ``layer_params``, as the fitted attributes of
            these names; ``classes``, the labels of a classifier; ``n_features``,
            ``feature_names`` and ``feature_statistics``, what is known of the features;
            ``architecture``, the parameters that describe network and loss;
            ``estimator``, 'classifier' or 'regressor'; ``format``, a number.
        """
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        return {
            "format": FORMAT,
            "estimator": _kind(self),
            "architecture": _copied(self._architecture),
            "n_features": self.n_features_in_,
            "feature_names": None if names is None else names.tolist(),
            "classes": _copied(getattr(self, "classes_", None)),
            "coefs": _copied(self.coefs_),
            "intercepts": _copied(self.intercepts_),
            "layer_params": _copied(self.layer_params_),
            "feature_statistics": _copied(self._feature_statistics),
        }

    def set_weights(self, weights: Mapping[str, Any]) -> Self:
        """Replace the weights of a fitted estimator.

        They are copied, in the estimator's type. The state of the optimizer is dropped,
        as it belongs to other weights. If anything is wrong, nothing is changed.

        Parameters
        ----------
        weights : dict
            What ``get_weights`` returned, or those entries of it that are to change.
            Shapes, classes, names of the features, and the parameters that describe
            network and loss have to be those of this estimator.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If the weights are those of another network, named in the message, or are
            no finite numbers.
        """
        check_is_fitted(self)
        with refusing_damage(), np.errstate(all="ignore"):
            _check_kind(self, weights)
            aside = _restored(self, self._replaced(weights))
            _check_meaning(self.get_weights(), weights)
        self.__dict__ = aside.__dict__
        return self

    def save_weights(self, path: StrPath) -> None:
        """Write what ``get_weights`` returns to a file, from which no code can be run.

        It is a safetensors file if its name ends in ".safetensors" and that package is
        installed, and otherwise an npz file. If writing fails, an older file stays.

        Parameters
        ----------
        path : str or PathLike
            The file; it is replaced.

        Raises
        ------
        ValueError
            If the estimator has a transformer, an activation or a loss that is an
            object rather than a name.
        """
        check_is_fitted(self)
        _check_named(self._architecture)
        files.write(path, self.get_weights())

    def load_weights(self, path: StrPath) -> Self:
        """Take over the weights in a file that ``save_weights`` wrote.

        A fitted estimator goes on as with ``set_weights``. Another one becomes fitted,
        with the architecture and the classes in the file, and predicts the same as the
        one that was saved; to train it further, its parameters have to agree with them.
        If anything is wrong, nothing is changed.

        Parameters
        ----------
        path : str or PathLike
            The file. It may come from anywhere: it is checked, and nothing in it is
            executed.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If the file is damaged, or the weights are those of another network.
        """
        weights = read(path)
        if hasattr(self, "_model"):
            return self.set_weights(weights)
        with refusing_damage(), np.errstate(all="ignore"):
            _check_kind(self, weights)
            aside = vars(_restored(self, _fitted(self, weights)))
        self.__dict__ = {**aside, "out_activation_": aside["_model"].target.loss.link}
        return self

    def _replaced(self, weights: Mapping[str, Any]) -> dict[str, Any]:
        """Return the attributes of a fitted estimator that change with its weights."""
        own, given = self._architecture, weights.get("architecture", {})
        alike_scaled = given.get("target_scaling") == own.get("target_scaling")
        learnt = {name: given[name] for name in _LEARNT if name in given and alike_scaled}
        return {
            **_arrays({**self.get_weights(), **weights}, own["dtype"]),
            "_architecture": {**own, **_copied(learnt)},
            "_resume": _without_optimizer(self._resume),
        }


# -- attributes ----------------------------------------------------------------------


def _restored(estimator: Any, attributes: Mapping[str, Any]) -> Any:
    """Return another estimator with some other attributes, checked as those in a pickle."""
    aside = object.__new__(type(estimator))
    aside.__setstate__({**estimator.__getstate__(), **attributes})
    return aside


def _without_optimizer(resume: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return of a saved state of training what goes on with other weights."""
    if resume is None:
        return None
    kept = {name: resume[name] for name in _STREAMS if name in resume}
    return {**kept, "optimizer": {}, "evaluated": {}}


def _fitted(estimator: Any, weights: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an estimator becomes fitted by."""
    architecture, names = weights["architecture"], weights["feature_names"]
    check_parameters("the saved architecture", architecture, ARCHITECTURE)
    return {
        **_copied(_UNTRAINED),
        **_arrays(weights, architecture["dtype"]),
        **({"classes_": weights["classes"]} if is_classifier(estimator) else {}),
        **({} if names is None else {"feature_names_in_": np.array(names, dtype=object)}),
        "_architecture": architecture,
        "n_features_in_": weights["n_features"],
        "n_layers_": len(weights["coefs"]) + 1,
        "n_outputs_": len(weights["intercepts"][-1]),
    }


def _arrays(weights: Mapping[str, Any], dtype: DTypeLike) -> dict[str, Any]:
    """Return the attributes that hold copies of the arrays among some weights."""
    layers = [
        {name: _numbers(array, dtype) for name, array in layer.items()}
        for layer in weights["layer_params"]
    ]
    return {
        "coefs_": [_numbers(array, dtype) for array in weights["coefs"]],
        "intercepts_": [_numbers(array, dtype) for array in weights["intercepts"]],
        "layer_params_": layers,
        "_feature_statistics": _copied(weights["feature_statistics"]),
    }


def _numbers(values: Any, dtype: DTypeLike) -> NDArray[Any]:
    """Return a copy of an array of numbers in a type."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"Weights must be real numbers; some are of type {array.dtype}.")
    return array.astype(dtype)


def _copied(value: Any) -> Any:
    """Return a copy of nested dicts, lists and arrays; of a memory map in memory."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return np.array(value) if isinstance(value, np.ndarray) else copy.deepcopy(value)


# -- checks --------------------------------------------------------------------------


def _kind(estimator: Any) -> str:
    """Return what kind of estimator it is."""
    return "classifier" if is_classifier(estimator) else "regressor"


def _check_kind(estimator: Any, weights: Mapping[str, Any]) -> None:
    """Refuse what is unknown: another format, other entries, another kind of estimator."""
    written, kind = weights.get("format", FORMAT), weights.get("estimator", _kind(estimator))
    if written != FORMAT:
        raise ValueError(
            f"These weights were saved in format {shown(written)}, and this version of skmlp "
            f"reads format {FORMAT}. Load them with the version that saved them."
        )
    unknown = weights.keys() - set(_ENTRIES)
    if unknown:
        raise ValueError(f"Weights have no entries {shown(sorted(unknown))}, only {_ENTRIES}.")
    if kind != _kind(estimator):
        raise ValueError(
            f"These are the weights of a {shown(kind)}, not of a {_kind(estimator)!r}."
        )


def _check_meaning(own: Mapping[str, Any], weights: Mapping[str, Any]) -> None:
    """Refuse weights that fit into the network but mean something else there."""
    for name in ("classes", "feature_names"):
        if own[name] is not None and weights.get(name) is not None:
            _check_same(name, own[name], weights[name])
    given = weights.get("architecture", {})
    mine, theirs = _described(own["architecture"], {}), _described(own["architecture"], given)
    for name in mine:
        if name in given and name not in _FREE:
            _check_same(name, mine[name], theirs[name])


def _described(own: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return an architecture with the activation of each layer."""
    architecture = {**own, **given}
    return {**architecture, "activation": per_layer(architecture, "activation")}


def _check_same(name: str, own: Any, given: Any) -> None:
    """Refuse what is not the estimator's own."""
    if not _equal(own, given):
        raise ValueError(
            f"These weights are for {name}={shown(given)}, and this estimator has "
            f"{name}={shown(own)}. Load them into an unfitted estimator."
        )


def _equal(a: Any, b: Any) -> bool:
    """Tell whether two values of an architecture, or two arrays of labels, are the same."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    return bool(a == b) or alike(a, b)


def _check_named(architecture: Mapping[str, Any]) -> None:
    """Refuse objects, whether they stand in an architecture or beside it."""
    for name, value in architecture.items():
        items = value if isinstance(value, list) else [value]
        if value == TRANSFORMER or not all(isinstance(item, _PLAIN) for item in items):
            raise ValueError(
                f"A file of weights cannot hold an object, as in {name}={shown(value)}. Save the "
                "whole estimator by pickle, joblib or skops."
            )
