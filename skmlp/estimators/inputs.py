"""Validated input: what the user passes in, as the engine wants it."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import check_array, check_consistent_length, validate_data

from skmlp._params import shown
from skmlp._typing import Matrix
from skmlp.estimators.sparse import checked_sparse

_FLOATS = (np.float64, np.float32)
_SPARSE = {"accept_sparse": "csr"}

#: Characters of the longest error message.
LONGEST_MESSAGE = 600


def training_input(
    estimator: BaseEstimator, X: Any, y: Any, dtype: DTypeLike | None, **checks: Any
) -> tuple[Matrix, Any]:
    """Validate X and y of a call to ``fit`` or ``partial_fit``.

    Parameters
    ----------
    estimator : BaseEstimator
        Remembers the number and the names of the features.
    X, y : array-like
        As the user passed them in.
    dtype : dtype or None
        What X is to be; None keeps float32 and float64.
    **checks
        More arguments of ``sklearn.utils.validation.validate_data``.

    Returns
    -------
    X : C-contiguous ndarray or CSR array
        The user's own array if it is one already.
    y : ndarray or CSR array
        With several columns some of its numbers, if it has numbers, may be NaN.

    Raises
    ------
    ValueError
        For input that is not numeric, finite, two-dimensional and of one length.
    """
    of_X = {"dtype": _FLOATS if dtype is None else dtype, "order": "C"}
    of_y = {"dtype": None, "ensure_2d": False, "ensure_all_finite": "allow-nan"}
    with naming("X"):
        asked = y if y is None else "no_validation"  # None is refused by name
        X = validate_data(estimator, checked_sparse(X), asked, **_SPARSE, **of_X, **checks)
    with naming("y"):
        y = check_array(checked_sparse(y, "y"), input_name="y", **_SPARSE, **of_y)
    with naming("X and y"):
        check_consistent_length(X, y)
    if issparse(y) or y.ndim != 2 or y.shape[1] < 2 or y.dtype.kind != "f":
        assert_all_finite(y, input_name="y")
    return X, y


def check_known(y: NDArray[Any], *, each_column: bool) -> None:
    """Refuse a y of which nothing is known.

    Parameters
    ----------
    y : ndarray
        Validated targets.
    each_column : bool
        Whether something has to be known of each column.

    Raises
    ------
    ValueError
        It names the columns.
    """
    if y.ndim != 2 or y.dtype.kind != "f":
        return
    missing = np.isnan(y).all(axis=0)
    if missing.all():
        raise ValueError("y has no value: all of it is NaN.")
    if each_column and missing.any():
        columns = shown(np.flatnonzero(missing).tolist())
        raise ValueError(f"y has no value in column(s) {columns}: all are NaN. Leave them out.")


def prediction_input(estimator: BaseEstimator, X: Any, dtype: np.dtype[Any]) -> Matrix:
    """Validate X of a call to ``predict``.

    A finite array of the fitted type and width is let through at once: for one row
    the full validation takes ten times as long as the prediction.
    """
    plain = type(X) is np.ndarray and X.dtype == dtype and X.ndim == 2 and len(X) > 0
    expected = plain and X.shape[1] == estimator.n_features_in_
    named = hasattr(estimator, "feature_names_in_")
    if expected and not named and math.isfinite(np.add.reduce(X, axis=None)):
        return X
    with brief_messages(), naming("X"):
        X = checked_sparse(X)
        return validate_data(estimator, X, accept_sparse="csr", dtype=_FLOATS, reset=False)


@contextmanager
def brief_messages() -> Iterator[None]:
    """Cut the message of an error about bad input, which may repeat the input, to a few lines."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if len(str(error)) <= LONGEST_MESSAGE:
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(str(error)[: LONGEST_MESSAGE - 3] + "...") from error


@contextmanager
def naming(argument: str) -> Iterator[None]:
    """Say of an error about bad input which argument it is about, unless it says so itself."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if re.search(rf"\b{argument}\b", str(error)):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{argument}: {error}") from error


@contextmanager
def about_validation() -> Iterator[None]:
    """Say of an error that it is about the validation data."""
    try:
        yield
    except (ValueError, TypeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"In the validation data (X_val, y_val): {error}") from error


def check_sample_weight(sample_weight: ArrayLike | None, X: Matrix) -> NDArray[np.float64] | None:
    """Validate sample weights.

    Returns
    -------
    ndarray of shape (n,), float64, or None

    Raises
    ------
    ValueError
        Unless there is one finite, non-negative number a row and not all are zero.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Number):
        sample_weight = np.full(X.shape[0], sample_weight)
    with naming("sample_weight"):
        weight: NDArray[np.float64] = check_array(
            sample_weight,
            ensure_2d=False,
            allow_nd=True,
            ensure_min_samples=0,
            dtype=np.float64,
            input_name="sample_weight",
        )
    if weight.ndim != 1:
        raise ValueError(f"sample_weight must be one-dimensional, got shape {weight.shape}.")
    if len(weight) != X.shape[0]:
        raise ValueError(f"sample_weight has {len(weight)} number(s) for {X.shape[0]} row(s) of X.")
    if np.any(weight < 0):
        raise ValueError("Negative values in data passed to `sample_weight`.")
    _check_weight_sum(float(weight.sum()))
    return weight


def _check_weight_sum(total: float) -> None:
    """Refuse weights that sum to nothing, or to more than a float holds."""
    if total == 0.0:
        raise ValueError("Sample weights must contain at least one non-zero number: all are zero.")
    tiny = float(np.finfo(np.float64).tiny)
    if not tiny < total < math.inf:
        raise ValueError(
            f"The sum of sample_weight is {total}, too small or too large to divide by. "
            "Scale the weights, e.g. divide them by their mean."
        )
