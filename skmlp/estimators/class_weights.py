"""Weights of classes, multiplied into those of rows."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmlp._params import Interval, InvalidParameterError, shown
from skmlp.estimators.targets import class_codes

ClassWeight = Mapping[Any, float] | Sequence[Mapping[Any, float]] | str | None

#: The weight of each label of each column.
LabelWeights = list[NDArray[np.float64]] | None

_WEIGHT = Interval(Real, 0, None, closed="left")


def label_weights(
    class_weight: ClassWeight,
    y: NDArray[Any],
    classes: NDArray[Any] | list[NDArray[Any]],
    weight: NDArray[np.float64] | None,
    *,
    incremental: bool,
) -> LabelWeights:
    """Return the weight of each label of each column of y; None for equal ones.

    Parameters
    ----------
    class_weight : mapping, sequence of mapping, 'balanced' or None
        A weight for each class; one for those that are left out. 'balanced' stands
        for W / (k Wc), with W the sum of the rows' weights, Wc that of the class and k
        the number of classes that occur. If y has several columns, each has its own
        mapping, or is balanced by itself.
    y : ndarray of shape (n,) or (n, n_columns)
        The labels.
    classes : ndarray, or list of ndarray
        All labels, sorted; those of each column if there are several columns of classes.
    weight : ndarray of shape (n,) or None
        The rows' own weights.
    incremental : bool
        Whether other rows come later, so that nothing can be balanced.

    Raises
    ------
    InvalidParameterError
        For an unknown class, or a weight that is negative or not finite; for other
        than one mapping a column; for 'balanced' in ``partial_fit``.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str) and incremental:
        raise InvalidParameterError(
            "class_weight='balanced' needs all rows at once, which partial_fit does not have. "
            "Pass a dict of class weights, e.g. from sklearn.utils.compute_class_weight."
        )
    own = np.ones(len(y)) if weight is None else weight
    columns = _columns(y, classes)
    found = []
    for given, column in zip(_for_each(class_weight, y.ndim, len(columns)), columns, strict=True):
        codes, known = _codes(*column)
        found.append(_label_weights(given, column[1], codes, own[known]))
    return found


def class_weighted(
    of_labels: LabelWeights,
    y: NDArray[Any],
    classes: NDArray[Any] | list[NDArray[Any]],
    weight: NDArray[np.float64] | None,
) -> NDArray[np.float64] | None:
    """Return the rows' weights times those of their labels.

    Parameters
    ----------
    of_labels : list of ndarray, or None
        What ``label_weights`` returned; the weights of a row's labels are multiplied.
    y : ndarray of shape (n,) or (n, n_columns)
        The labels; one that is not known, NaN, has weight one.
    classes : ndarray, or list of ndarray
        All labels, sorted.
    weight : ndarray of shape (n,) or None
        The rows' own weights.

    Raises
    ------
    InvalidParameterError
        Where no row has any weight left.
    """
    if of_labels is None:
        return weight
    factors = np.ones(len(y))
    for of_column, column in zip(of_labels, _columns(y, classes), strict=True):
        codes, known = _codes(*column)
        factors[known] *= of_column[codes]
    weighted: NDArray[np.float64] = factors if weight is None else weight * factors
    _check_sum(float(weighted.sum()))
    return weighted


def _codes(
    column: NDArray[Any], labels: NDArray[Any]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the codes of the labels that are known, and where these are."""
    known = ~np.isnan(column) if column.dtype.kind == "f" else np.ones(len(column), dtype=bool)
    return class_codes(column[known], labels), known


def _columns(
    y: NDArray[Any], classes: NDArray[Any] | list[NDArray[Any]]
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Return each column of y with its labels; those of an indicator matrix are 0 and 1."""
    if isinstance(classes, list):
        return list(zip(y.T, classes, strict=True))
    return [(y, classes)] if y.ndim == 1 else [(column, np.arange(2)) for column in y.T]


def _for_each(
    class_weight: Mapping[Any, float] | Sequence[Mapping[Any, float]] | str,
    ndim: int,
    n_columns: int,
) -> Sequence[Mapping[Any, float] | str]:
    """Return what is given for each column."""
    if isinstance(class_weight, str):
        return [class_weight] * n_columns
    one = isinstance(class_weight, Mapping)
    each = [class_weight] if isinstance(class_weight, Mapping) else class_weight
    if one != (ndim == 1) or len(each) != n_columns:
        wanted = "a dict" if ndim == 1 else f"a list of {n_columns} dicts, one for each column,"
        raise InvalidParameterError(
            f"class_weight must be {wanted} or 'balanced' for this y. Got {shown(class_weight)}."
        )
    return each


def _label_weights(
    given: Mapping[Any, float] | str,
    labels: NDArray[Any],
    codes: NDArray[np.intp],
    weight: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the weight of each label of a column."""
    if isinstance(given, Mapping):
        return _given(given, labels)
    sums = np.bincount(codes, weights=weight, minlength=len(labels))
    present = sums > 0
    balanced = np.zeros(len(sums))
    np.divide(sums.sum(), present.sum() * sums, out=balanced, where=present)
    return balanced


def _given(class_weight: Mapping[Any, float], labels: NDArray[Any]) -> NDArray[np.float64]:
    """Return the given weight of each label."""
    known = labels.tolist()
    unknown = list(class_weight.keys() - set(known))
    if unknown:
        raise InvalidParameterError(
            f"class_weight has the classes {shown(unknown)}, which are not among those of y: "
            f"{shown(known)}."
        )
    refused = {label: w for label, w in class_weight.items() if not _WEIGHT.accepts(w)}
    if refused:
        raise InvalidParameterError(
            f"Each weight in class_weight must be {_WEIGHT}. Got {shown(refused)}."
        )
    return np.array([float(class_weight.get(label, 1.0)) for label in known])


def _check_sum(total: float) -> None:
    """Refuse weights that sum to nothing, or to more than a float holds."""
    if not float(np.finfo(np.float64).tiny) < total < math.inf:
        raise InvalidParameterError(
            f"The weights of the rows, times class_weight, have the sum {total}: too small or too "
            "large to divide by. Change class_weight."
        )
