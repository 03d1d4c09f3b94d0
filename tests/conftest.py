"""What all tests share: one thread, scikit-learn's array checks, small training data."""

import os

# NumPy, SciPy and their BLAS read these once, when they are imported. scikit-learn skips
# its array API checks without the first.
os.environ["SCIPY_ARRAY_API"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

N_ROWS, N_FEATURES, N_TARGETS = 60, 6, 3

TARGETS: dict[str, Callable[[NDArray[Any], np.random.RandomState], NDArray[Any]]] = {
    "binary": lambda z, rng: (z[:, 0] > 0).astype(int),
    "multiclass": lambda z, rng: z.argmax(axis=1),
    "multilabel": lambda z, rng: (z > 0).astype(int),
    "regression": lambda z, rng: z[:, 0],
    "multioutput": lambda z, rng: z,
    "poisson": lambda z, rng: rng.poisson(np.exp(0.3 * z[:, 0])),
}


@pytest.fixture
def make_data() -> Callable[[str], tuple[NDArray[Any], NDArray[Any]]]:
    """Return a function that makes X and y for a task, the same ones at every call.

    They are read-only: no estimator may write to the data of its caller.
    """

    def make(task: str) -> tuple[NDArray[Any], NDArray[Any]]:
        rng = np.random.RandomState(0)
        X = rng.standard_normal((N_ROWS, N_FEATURES))
        noise = 0.5 * rng.standard_normal((N_ROWS, N_TARGETS))
        y = TARGETS[task](X @ rng.standard_normal((N_FEATURES, N_TARGETS)) + noise, rng)
        X.flags.writeable = y.flags.writeable = False
        return X, y

    return make


@pytest.fixture
def sample_weight() -> NDArray[np.float64]:
    """Return unequal weights for the rows that ``make_data`` makes."""
    return np.random.RandomState(1).uniform(0.1, 3.0, N_ROWS)
