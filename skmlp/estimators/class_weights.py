"""Weights of classes, multiplied into those of rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmlp._params import InvalidParameterError, shown
from skmlp.estimators.targets import class_codes

ClassWeight = Mapping[Any, float] | str | None


def class_weighted(
    class_weight: ClassWeight,
    y: NDArray[Any],
    classes: NDArray[Any],
    weight: NDArray[np.float64] | None,
    *,
    incremental: bool,
) -> NDArray[np.float64] | None:
    """Return the rows' weights times those of their classes.

    Parameters
    ----------
    class_weight : mapping, 'balanced' or None
        A weight for each class; one for those that are left out. 'balanced' stands
        for W / (k Wc), with W the sum of the rows' weights, Wc that of the class and k
        the number of classes. Of several labels a row, each column has two classes.
    y : ndarray of shape (n,) or (n, n_labels)
        The labels.
    classes : ndarray
        All labels, sorted.
    weight : ndarray of shape (n,) or None
        The rows' own weights.
    incremental : bool
        Whether other rows come later, so that nothing can be balanced.

    Raises
    ------
    InvalidParameterError
        For an unknown class, or a weight that is negative or not finite; for
        'balanced' in ``partial_fit``.
    """
    if class_weight is None:
        return weight
    own = np.ones(len(y)) if weight is None else weight
    if isinstance(class_weight, str) and incremental:
        raise InvalidParameterError(
            "class_weight='balanced' needs all rows at once, which partial_fit does not have. "
            "Pass a dict of class weights, e.g. from sklearn.utils.compute_class_weight."
        )
    columns = y.T if y.ndim == 2 else [y]
    labels = [np.unique(y)] * len(columns) if y.ndim == 2 else [classes]
    factors = [
        _class_factors(class_weight, class_codes(column, known), known, own)
        for column, known in zip(columns, labels, strict=True)
    ]
    weighted: NDArray[np.float64] = own * np.prod(factors, axis=0)
    return weighted


def _class_factors(
    class_weight: ClassWeight,
    codes: NDArray[np.intp],
    classes: NDArray[Any],
    weight: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the weight of each row's class."""
    if isinstance(class_weight, Mapping):
        return _given(class_weight, classes)[codes]
    sums = np.bincount(codes, weights=weight, minlength=len(classes))
    present = sums > 0
    balanced = np.where(present, sums.sum() / (present.sum() * np.where(present, sums, 1.0)), 0.0)
    return balanced[codes]


def _given(class_weight: Mapping[Any, float], classes: NDArray[Any]) -> NDArray[np.float64]:
    """Return the given weight of each class."""
    unknown = [label for label in class_weight if label not in set(classes.tolist())]
    if unknown:
        raise InvalidParameterError(
            f"The classes, {shown(unknown)}, in class_weight are not in y, which has "
            f"{shown(classes.tolist())}."
        )
    weights = np.array([float(class_weight.get(label, 1.0)) for label in classes.tolist()])
    if not np.all(np.isfinite(weights) & (weights >= 0)):
        raise InvalidParameterError(
            f"The weights in class_weight must be finite and not negative. Got "
            f"{shown(dict(class_weight))}."
        )
    return weights
