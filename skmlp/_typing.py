"""The array types the engine speaks of."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Floating-point array, float32 or float64.
Floats: TypeAlias = NDArray[np.floating[Any]]

#: Row indices or class codes, ``np.intp``.
Indices: TypeAlias = NDArray[np.intp]

#: A dense batch or a sparse one (CSR). SciPy ships no type that covers both.
Matrix: TypeAlias = Any

#: The named parameters (or their gradients) of one layer.
Views: TypeAlias = Mapping[str, Floats]
