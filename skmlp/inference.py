"""The forward pass over any number of rows, in chunks of a fixed size."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from skmlp._typing import Floats, Indices, Matrix, Views
from skmlp.network import Network
from skmlp.workspace import Place

#: Elements of the widest layer's output in one chunk: a megabyte in float64, which
#: the next layer still finds in the second-level cache.
CHUNK = 2**17

#: Bound on the values of the careful pass: products of two stay below overflow.
_LARGE = 1e150


def chunk_rows(network: Network, params: Sequence[Views], X: Matrix) -> int:
    """Return the rows of one chunk: what a row takes where it is widest decides.

    Parameters
    ----------
    network : Network
        The layers.
    params : sequence of mapping of str to ndarray
        Their parameters.
    X : ndarray or CSR array of shape (n, n_features)
        The rows. A sparse one takes as many numbers and indices as the mean one stores.
    """
    if isinstance(X, np.ndarray):
        return max(1, CHUNK // network.widest)
    stored: int = -(-2 * X.nnz // max(X.shape[0], 1))
    plan = network.plan_for(params, sparse=True)
    return max(1, CHUNK // max(stored, *(place.width for place in plan)))


def raw_scores(
    network: Network,
    params: Sequence[Views],
    X: Matrix,
    dtype: DTypeLike,
    subset: Indices | None = None,
) -> Floats:
    """Return the raw scores of many rows.

    The memory beside the result does not grow with the rows. Scores that overflow
    are computed again in float64, layers and weights clipped to ±1e150: huge input
    gives large scores, not NaN.

    Parameters
    ----------
    network : Network
        The layers.
    params : sequence of mapping of str to ndarray
        Their parameters.
    X : ndarray or CSR array of shape (n, n_features)
        The rows.
    dtype : dtype
        float32 or float64, the type of the parameters.
    subset : ndarray of int or None
        Which rows to score; None for all.

    Returns
    -------
    ndarray of shape (n, n_outputs)
        In `dtype`, finite wherever the parameters are.
    """
    n = X.shape[0] if subset is None else len(subset)
    scores: Floats = np.empty((n, network.n_outputs), dtype)
    size = min(n, chunk_rows(network, params, X))
    plan = network.plan_for(params, sparse=not isinstance(X, np.ndarray))
    outs = _outputs(plan, size, dtype)
    if subset is None and n == size:
        _score(network, params, plan, X, outs, scores)
        return scores
    for start in range(0, n, size):
        part = slice(start, min(start + size, n))
        x, k = X[part] if subset is None else X[subset[part]], part.stop - part.start
        _score(network, params, plan, x, [out[:k] for out in outs], scores[part])
    return scores


def _score(
    network: Network,
    params: Sequence[Views],
    plan: Sequence[Place],
    x: Matrix,
    outs: Sequence[Floats],
    scores: Floats,
) -> None:
    """Write the scores of one chunk."""
    x = x if x.dtype == scores.dtype else x.astype(scores.dtype)
    raw = network.forward(params, x, [*outs, scores])
    if raw is not scores:
        np.copyto(scores, raw)
    if not math.isfinite(np.add.reduce(scores, axis=None)):
        _forward_clipped(network, params, plan, x, scores)


def _outputs(plan: Sequence[Place], n_rows: int, dtype: DTypeLike) -> list[Floats]:
    """Return memory for the outputs of all layers but the last.

    Nobody looks back: each layer that can works in the memory of the one before.
    """
    outs: list[Floats] = []
    for i, place in enumerate(plan[:-1]):
        over = i > 0 and place.inplace
        outs.append(outs[-1] if over else np.empty((n_rows, place.width), dtype))
    return outs


def _forward_clipped(
    network: Network, params: Sequence[Views], plan: Sequence[Place], x: Matrix, scores: Floats
) -> None:
    """Write the scores of one chunk that overflowed."""
    x = x.astype(np.float64)
    _clip(x if isinstance(x, np.ndarray) else x.data, _LARGE)
    for layer, p, place in zip(network.layers, params, plan, strict=True):
        out: Floats = np.empty((x.shape[0], place.width))
        bounded = {name: _clip(v.astype(float), _LARGE) for name, v in p.items()}
        x = layer.forward(x, out, bounded)
        _clip(x if isinstance(x, np.ndarray) else x.data, _LARGE)
    # A quarter of the largest float: differences of scores are finite, too.
    np.copyto(scores, _clip(x, float(np.finfo(scores.dtype).max) / 4), casting="same_kind")


def _clip(values: Floats, bound: float) -> Floats:
    """Clip to ±bound, in place."""
    np.clip(values, -bound, bound, out=values)
    return values
