"""The labels of a classifier: from y, from the user, and more of them later."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets, unique_labels

from skmlp._params import shown
from skmlp.estimators.targets import is_indicator

#: Labels in order, of each column if there are several columns of classes.
Classes = NDArray[Any] | list[NDArray[Any]]

MIXED = "y has labels of several types, which have no order; convert all to strings, say."


def described(y: NDArray[Any], given: Any) -> tuple[str, Classes]:
    """Return the kind of target and its labels: those that are given, or else those of y."""
    if y.ndim == 1:
        labels = _sorted(y if given is None else given)
        return _kind(labels), labels
    if given is None and not is_indicator(y):
        return "multioutput", [_sorted(column) for column in y.T]
    if given is not None and _is_nested(given):
        return "multioutput", [_sorted(labels) for labels in given]
    columns = np.arange(y.shape[1])
    check_same(given, columns)
    return "multilabel", columns


def grown(kind: str, known: Classes, y: NDArray[Any], given: Any) -> tuple[str, Classes]:
    """Return the kind of target and its labels when those of y and those given are added.

    Parameters
    ----------
    kind : {'binary', 'multiclass', 'multilabel', 'multioutput'}
        The kind of target so far.
    known : ndarray, or list of ndarray
        The labels so far; returned themselves if there are no others.
    y : ndarray of shape (n,) or (n, n_columns)
        Labels.
    given : array-like or None
        All labels, or those that are new.

    Raises
    ------
    ValueError
        If there is no order among all.
    """
    if isinstance(known, list):
        return kind, _grown_columns(known, y, given)
    if kind == "multilabel":
        columns = known if y.ndim != 2 else np.arange(max(len(known), y.shape[1]))
        check_same(given, columns)
        return kind, columns if len(columns) > len(known) else known
    of_y = y if y.ndim == 1 else known  # the wrong shape, which the target will refuse
    labels = _united(known, of_y, known if given is None else given)
    return "multiclass" if kind == "multiclass" else _kind(labels), labels


def _kind(labels: NDArray[Any]) -> str:
    """Return the kind of target of one column of classes."""
    return "binary" if len(labels) <= 2 else "multiclass"


def _grown_columns(known: list[NDArray[Any]], y: NDArray[Any], given: Any) -> Classes:
    """Return the labels of each column with those of y and those given."""
    columns = y.T if y.ndim == 2 and y.shape[1] == len(known) else known
    more = known if given is None else given
    if not _is_nested(more) or len(more) != len(known):
        raise ValueError(
            f"classes={shown(given)} must be a list of the labels of each of {len(known)} columns."
        )
    labels = [_united(*own) for own in zip(known, columns, more, strict=True)]
    return known if all(a is b for a, b in zip(labels, known, strict=True)) else labels


def _united(known: NDArray[Any], *others: Any) -> NDArray[Any]:
    """Return labels with others, in order; the same array if there are none but these."""
    labels = [_sorted(more) for more in others]
    if set().union(*(more.tolist() for more in labels)) <= set(known.tolist()):
        return known
    if len({more.dtype.kind in "OUS" for more in (known, *labels)}) > 1:
        raise ValueError(MIXED)
    return _sorted(np.concatenate([known, *labels]))


def check_same(given: Any, known: Classes) -> None:
    """Refuse classes, if any are given, other than the known ones."""
    if given is None:
        return
    ours = known if isinstance(known, list) else [known]
    theirs = given if _is_nested(given) else [given]
    pairs = zip(ours, theirs, strict=False)
    same = len(ours) == len(theirs) and isinstance(known, list) == _is_nested(given)
    if not same or not all(np.array_equal(a, _sorted(b)) for a, b in pairs):
        raise ValueError(
            f"classes={shown(given)} is not the same as on last call to partial_fit, was: "
            f"{shown(known)}. With allow_new_classes=True, classes can be added."
        )


def _is_nested(classes: Any) -> bool:
    """Tell whether classes are given for several columns."""
    return isinstance(classes, list | tuple) and any(np.ndim(labels) for labels in classes)


def check_labels(y: NDArray[Any]) -> None:
    """Refuse what are no labels, such as numbers that are not whole."""
    try:
        check_classification_targets(y)
    except TypeError as error:
        raise ValueError(MIXED) from error


def _sorted(labels: ArrayLike) -> NDArray[Any]:
    """Return the different labels in order.

    Raises
    ------
    ValueError
        If there is no order: some are strings, some numbers.
    """
    # unique_labels knows more kinds of labels, and takes ten times as long.
    plain = isinstance(labels, np.ndarray) and labels.dtype.kind in "biuf"
    try:
        return np.unique(labels) if plain else unique_labels(labels)
    except TypeError as error:
        raise ValueError(MIXED) from error
