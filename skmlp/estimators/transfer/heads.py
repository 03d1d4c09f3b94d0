"""What the output units of a network stand for, and how they match those of another one."""

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

from skmlp.estimators.losses import CLASSIFIER, REGRESSOR, build_losses
from skmlp.estimators.transfer.matching import All, Difference, Matching, Share, Shares


class Head(NamedTuple):
    """The output units of a network.

    Attributes
    ----------
    keys : list of hashable
        What each unit stands for. A single unit may tell two classes apart: then there
        are two keys, and its score z is positive for the second.
    n_units : int
        How many units there are.
    first : float
        Units for each of two classes have the scores 0 and z, with softmax, or -z and
        z, with one class against the rest, where a single unit has z. This is the
        factor of the first one.
    """

    keys: list[Hashable]
    n_units: int
    first: float = 0.0

    @property
    def divides(self) -> bool:
        """Whether a single unit tells two classes apart."""
        return len(self.keys) > self.n_units

    def matched(self, other: "Head") -> Matching:
        """Return which of the units are which of another head, by what they stand for."""
        if self.keys == other.keys and self.n_units == other.n_units:
            return All()
        shares = other.shares(self.first)
        if self.divides:
            return Difference([shares.get(key) for key in self.keys], 1.0 / (1.0 - self.first))
        known = {unit: shares[key] for unit, key in enumerate(self.keys) if key in shares}
        return Shares(known, self.n_units)

    def shares(self, first: float) -> dict[Hashable, Share]:
        """Return what the unit of each key is, where each has one."""
        if self.divides:
            return dict(zip(self.keys, (Share(0, first), Share(0)), strict=True))
        return {key: Share(unit) for unit, key in enumerate(self.keys)}


def build_head(architecture: Mapping[str, Any], classes: Any) -> Head:
    """Return the head of a network.

    Parameters
    ----------
    architecture : mapping of str to object
        What describes its target and its loss.
    classes : ndarray, list of ndarray, or None
        The labels of a classifier; None for a regressor.

    Raises
    ------
    ValueError
        If a label is there twice.
    """
    return _numeric_head(architecture) if classes is None else _class_head(architecture, classes)


def _numeric_head(architecture: Mapping[str, Any]) -> Head:
    """Return the head of a regressor: another link or number of targets makes it another."""
    loss, n_targets = build_losses(REGRESSOR, architecture)[0], architecture["n_targets"]
    n_units = loss.n_raw(n_targets)
    return Head([(loss.link, n_targets, n_units, i) for i in range(n_units)], n_units)


def _class_head(architecture: Mapping[str, Any], classes: Any) -> Head:
    """Return the head of a classifier."""
    binary, multiclass = build_losses(CLASSIFIER, architecture)
    keys = _class_keys(architecture["target"], classes)
    if len(set(keys)) < len(keys):
        raise ValueError("The same class is there twice.")
    single = architecture["target"] == "binary" and not binary.coded
    return Head(keys, 1 if single else len(keys), 0.0 if multiclass.coded else -1.0)


def _class_keys(kind: str, classes: Any) -> list[Hashable]:
    """Return what tells the classes of a kind of target from all others."""
    if kind == "multioutput":
        return [(i, len(classes), c) for i, labels in enumerate(classes) for c in labels.tolist()]
    # The only class has won always: its unit says nothing about others.
    name = "label" if kind == "multilabel" else "class" if len(classes) > 1 else "only class"
    return [(name, c) for c in classes.tolist()]
