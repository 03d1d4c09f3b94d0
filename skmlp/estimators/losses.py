"""From names to losses."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skmlp._params import Constraint, Like, Options, arguments, build
from skmlp.estimators.architecture import plain
from skmlp.losses import CLASSIFICATION, REGRESSION, Loss

#: The classes behind each name, for each estimator.
CLASSIFIER: Mapping[str, Sequence[type[Loss]]] = CLASSIFICATION
REGRESSOR: Mapping[str, Sequence[type[Loss]]] = {name: (kind,) for name, kind in REGRESSION.items()}

#: The links that make probabilities of raw scores.
PROBABLE = frozenset({"logistic", "softmax"})

Kinds = Mapping[str, Sequence[type[Loss]]]


class _LossObject(Like):
    """What has the attributes and methods of a loss, and parameters that it allows itself."""

    def __init__(self) -> None:
        super().__init__(Loss, "an object with the attributes and methods of skmlp.losses.Loss")

    def accepts(self, value: Any) -> bool:
        return super().accepts(value) and all(
            constraint.accepts(getattr(value, name, None))
            for name, constraint in value.constraints.items()
        )


def loss_constraints(kinds: Kinds) -> dict[str, Constraint]:
    """Return what the loss of an estimator and its parameters may be."""
    own = {
        name: constraint
        for members in kinds.values()
        for kind in members
        for name, constraint in kind.constraints.items()
    }
    return {"loss": Options(kinds) | _LossObject(), **own}


def described_loss(kinds: Kinds, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the loss and its parameters as plain values; a copy of a user's object."""
    loss = settings["loss"]
    if not isinstance(loss, str):
        return {"loss": copy.deepcopy(loss)}
    names = {name for kind in kinds[loss] for name in arguments(kind)}
    return {"loss": str(loss), **{name: plain(settings[name]) for name in sorted(names)}}


def build_losses(kinds: Kinds, description: Mapping[str, Any]) -> list[Loss]:
    """Return what ``described_loss`` describes: for a classifier the binary loss comes first."""
    loss = description["loss"]
    if not isinstance(loss, str):
        return [loss, loss]
    return [build(kind, description) for kind in kinds[loss]]


def is_valid(kinds: Kinds, settings: Mapping[str, Any]) -> bool:
    """Tell whether a loss can be built."""
    constraints = loss_constraints(kinds)
    return all(constraint.accepts(settings[name]) for name, constraint in constraints.items())


def alike(a: Any, b: Any) -> bool:
    """Tell whether two objects are of one class and have equal attributes."""
    if type(a) is not type(b) or not hasattr(a, "__dict__"):
        return False
    mine, theirs = vars(a), vars(b)
    return mine.keys() == theirs.keys() and all(
        np.array_equal(mine[name], theirs[name]) or alike(mine[name], theirs[name]) for name in mine
    )
