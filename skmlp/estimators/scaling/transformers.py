"""A user's transformer inside an estimator."""

import copy
from inspect import signature
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.validation import check_array

from skmlp._typing import Matrix
from skmlp.estimators.inputs import naming

#: What stands for a transformer among the plain values of an architecture.
TRANSFORMER = "transformer"


class Transformer(Protocol):
    """What learns from rows how to change them."""

    def fit(self, X: Any, y: Any = None) -> Any:
        """Learn from rows."""

    def transform(self, X: Any) -> Any:
        """Return changed rows."""


class InvertibleTransformer(Transformer, Protocol):
    """A transformer that can undo what it does."""

    def inverse_transform(self, X: Any) -> Any:
        """Return rows as they were before."""


def fitted(transformer: Any, X: Matrix, weight: NDArray[np.float64] | None) -> Any:
    """Return a copy of a transformer that has learnt from rows."""
    return _taught(clone(transformer, safe=False), "fit", X, weight)


def updated(transformer: Any, X: Matrix, weight: NDArray[np.float64] | None) -> Any:
    """Return a copy of a fitted transformer that has learnt from more rows, if it can."""
    if not hasattr(transformer, "partial_fit"):
        return transformer
    return _taught(copy.deepcopy(transformer), "partial_fit", X, weight)


def _taught(transformer: Any, method: str, X: Matrix, weight: NDArray[np.float64] | None) -> Any:
    """Let a transformer learn from rows, with weights if it takes them."""
    teach = getattr(transformer, method)
    takes = weight is not None and "sample_weight" in signature(teach).parameters
    teach(read_only(X), **({"sample_weight": weight} if takes else {}))
    return transformer


def transformed(transformer: Any, X: Matrix, dtype: Any, name: str) -> Matrix:
    """Return transformed rows, as the engine wants them.

    Raises
    ------
    ValueError
        If they are not finite numbers, or are more or fewer than before.
    """
    changed = transformer.transform(read_only(X))
    with naming(name):
        changed = check_array(
            changed, accept_sparse="csr", dtype=dtype, order="C", input_name=f"the output of {name}"
        )
    if changed.shape[0] != X.shape[0]:
        raise ValueError(
            f"The transformer in {name} made {changed.shape[0]} row(s) of {X.shape[0]}."
        )
    return changed


def read_only(X: Matrix) -> Matrix:
    """Return a view that cannot be written to: a transformer may work in place."""
    if not isinstance(X, np.ndarray):
        return type(X)(tuple(map(read_only, (X.data, X.indices, X.indptr))), shape=X.shape)
    view = X.view()
    view.flags.writeable = False
    return view
