"""The parameter `pretrained`: from what the user gives to the layers of a network."""

from collections.abc import Mapping
from inspect import signature
from os import PathLike
from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.base import is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from skmlp._params import AnyOf, Constraint, InstanceOf, Nothing, Options, check_parameters, shown
from skmlp.estimators import weights
from skmlp.estimators.architecture import SHAPING, TRANSIENT, build_network
from skmlp.estimators.losses import CLASSIFIER, REGRESSOR, loss_constraints
from skmlp.estimators.model import Arrays, Weights
from skmlp.estimators.scaling.feature_scaling import check_statistics
from skmlp.estimators.state import ARCHITECTURE, check_weights, refusing_damage
from skmlp.estimators.targets import CLASS_KINDS
from skmlp.estimators.transfer.heads import build_head
from skmlp.estimators.transfer.transfer import Features, Structure, Transfer, adopted


class Pretrained(AnyOf):
    """What has weights to start from."""

    def __init__(self) -> None:
        kinds = (dict, str, PathLike, FrozenEstimator)
        super().__init__(Nothing(), *(InstanceOf(kind) for kind in kinds))

    def __str__(self) -> str:
        return (
            "None or what get_weights returned or the path of what save_weights wrote or a "
            "fitted MLPClassifier or MLPRegressor inside sklearn.frozen.FrozenEstimator"
        )


#: What the parameter may be.
PRETRAINED: Constraint = Pretrained()

#: The entries with the numbers of the layers, in the order of ``Weights``.
NUMBERS = ("coefs", "intercepts", "layer_params")


def transferred(pretrained: Any, kind: type, mine: Structure) -> Transfer:
    """Return what a new network takes over from what the parameter gives.

    Parameters
    ----------
    pretrained : dict, path or FrozenEstimator
        The parameter.
    kind : type
        The class of the estimator.
    mine : Structure
        Its network.

    Raises
    ------
    ValueError
        If it is not what it should be, or there is nothing to take over; it names the
        parameter.
    """
    try:
        given = _weights(pretrained, kind)
        with refusing_damage():
            return _adopted(given, mine)
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(f"The 'pretrained' parameter cannot be used. {error}") from error


def _weights(pretrained: Any, kind: type) -> Mapping[str, Any]:
    """Return what ``get_weights`` returned, or would."""
    if isinstance(pretrained, dict):
        return pretrained
    if isinstance(pretrained, FrozenEstimator):
        return _of_estimator(pretrained.estimator, kind)
    return weights.read(pretrained)


def _of_estimator(estimator: Any, kind: type) -> Mapping[str, Any]:
    """Return the weights of a fitted estimator, as ``get_weights`` does."""
    ours = hasattr(estimator, "get_weights")
    theirs = isinstance(estimator, neural_network.MLPClassifier | neural_network.MLPRegressor)
    if not (ours or theirs):
        raise ValueError(
            f"The FrozenEstimator holds {shown(estimator)}, no MLPClassifier or MLPRegressor."
        )
    check_is_fitted(estimator)
    return dict(estimator.get_weights()) if ours else _of_scikit_learn(estimator, kind)


def _of_scikit_learn(estimator: Any, kind: type) -> dict[str, Any]:
    """Return the weights of an estimator of scikit-learn, as ``get_weights`` would."""
    defaults = {name: p.default for name, p in signature(kind).parameters.items()}
    names = getattr(estimator, "feature_names_in_", None)
    return {
        "format": weights.FORMAT,
        "architecture": {
            **{name: defaults[name] for name in (*SHAPING, *TRANSIENT)},
            **_target(estimator),
            "hidden_layer_sizes": [len(bias) for bias in estimator.intercepts_[:-1]],
            "activation": estimator.activation,
            "n_features": estimator.n_features_in_,
            "dtype": estimator.coefs_[0].dtype.name,
        },
        "n_features": estimator.n_features_in_,
        "feature_names": None if names is None else names.tolist(),
        "classes": getattr(estimator, "classes_", None),
        "coefs": estimator.coefs_,
        "intercepts": estimator.intercepts_,
        "layer_params": [],
        "feature_statistics": None,
    }


def _target(estimator: Any) -> dict[str, Any]:
    """Return what an estimator of scikit-learn predicts, and its loss."""
    if not is_classifier(estimator):
        loss = "poisson" if estimator.out_activation_ == "exp" else "squared_error"
        return {"loss": loss, "n_targets": estimator.n_outputs_}
    several = "multilabel" if estimator.out_activation_ == "logistic" else "multiclass"
    kind = "binary" if estimator.n_outputs_ == 1 else several
    return {"loss": "log_loss", "label_smoothing": 0.0, "focal_gamma": 2.0, "target": kind}


# -- checks --------------------------------------------------------------------------


def _adopted(given: Mapping[str, Any], mine: Structure) -> Transfer:
    """Return what a new network takes over from weights, which are checked."""
    if given["format"] != weights.FORMAT:
        raise ValueError(
            f"It has format {shown(given['format'])}, and this version of skmlp reads format "
            f"{weights.FORMAT}."
        )
    other, statistics = _structure(given, mine.arrays.dtype), given["feature_statistics"]
    numbers = {f"{name}_": _numbers(given[name], other.arrays.dtype) for name in NUMBERS}
    check_weights(other.arrays, numbers)
    check_statistics(other.architecture["feature_scaling"], statistics, other.features.n_inputs)
    return adopted(mine, other, other.arrays.parameters(Weights(*numbers.values())), statistics)


def _structure(given: Mapping[str, Any], dtype: np.dtype[Any]) -> Structure:
    """Return what there is to know of the network that some weights belong to."""
    architecture, classes, names = (given[n] for n in ("architecture", "classes", "feature_names"))
    _check_architecture(architecture, classes)
    features, n_features = Features.of(architecture, names), given["n_features"]
    known = n_features if features.transformed else features.n_inputs
    if n_features != known or (names is not None and len(set(names)) != n_features):
        raise ValueError(f"It has {shown(n_features)} features, which are not those described.")
    head = build_head(architecture, classes)
    network = build_network(architecture, features.n_inputs, head.n_units)
    return Structure(architecture, Arrays(network, dtype), head, features)


def _check_architecture(architecture: Mapping[str, Any], classes: Any) -> None:
    """Refuse parameters that no network has."""
    missing = ARCHITECTURE.keys() - architecture.keys()
    if missing:
        raise ValueError(f"Its architecture lacks {shown(sorted(missing))}.")
    of_target: dict[str, Constraint] = loss_constraints(REGRESSOR)
    if classes is not None:
        of_target = {**loss_constraints(CLASSIFIER), "target": Options(CLASS_KINDS)}
    check_parameters("the architecture", architecture, {**ARCHITECTURE, **of_target})


def _numbers(values: Any, dtype: np.dtype[Any]) -> Any:
    """Return numbers of another type in nested lists and dicts."""
    if isinstance(values, list | tuple):
        return [_numbers(item, dtype) for item in values]
    if isinstance(values, dict):
        return {name: _numbers(item, dtype) for name, item in values.items()}
    return np.asarray(values).astype(dtype, casting="same_kind")
