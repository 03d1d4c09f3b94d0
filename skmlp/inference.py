"""The forward pass over any number of rows, in chunks of a fixed size."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from skmlp._typing import Floats, Indices, Matrix, Views
from skmlp.network import Network

#: Elements of the widest layer's output in one chunk: a megabyte in float64, which
#: the next layer still finds in the second-level cache.
CHUNK = 2**17

#: Bound on the values of the careful pass: products of two stay below overflow.
_LARGE = 1e150


def chunk_rows(network: Network) -> int:
    """Return the rows of one chunk."""
    return max(1, CHUNK // network.widest)


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
    size = min(n, chunk_rows(network))
    outs = _outputs(network, size, dtype)
    for start in range(0, n, size):
        part = slice(start, min(start + size, n))
        x = X[part] if subset is None else X[subset[part]]
        x = x if x.dtype == dtype else x.astype(dtype)
        k = part.stop - part.start
        outs = outs if k == size else [out[:k] for out in outs]
        wanted = scores[part]
        raw = network.forward(params, x, [*outs, wanted])
        if raw is not wanted:
            np.copyto(wanted, raw)
        if not math.isfinite(np.add.reduce(wanted, axis=None)):
            _forward_clipped(network, params, x, wanted)
    return scores


def _outputs(network: Network, n_rows: int, dtype: DTypeLike) -> list[Floats]:
    """Return memory for the outputs of all layers but the last.

    Nobody looks back: each layer that can works in the memory of the one before.
    """
    outs: list[Floats] = []
    for i, place in enumerate(network.plan[:-1]):
        over = i > 0 and place.inplace
        outs.append(outs[-1] if over else np.empty((n_rows, place.width), dtype))
    return outs


def _forward_clipped(network: Network, params: Sequence[Views], x: Matrix, scores: Floats) -> None:
    """Write the scores of one chunk that overflowed."""
    x = x.astype(np.float64)
    _clip(x if isinstance(x, np.ndarray) else x.data, _LARGE)
    for layer, p, place in zip(network.layers, params, network.plan, strict=True):
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
