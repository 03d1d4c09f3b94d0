"""What one call of ``fit`` or ``partial_fit`` has to do."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import vstack

from skmlp.estimators.model import Model
from skmlp.estimators.training.examples import Examples
from skmlp.solvers import TrainingSet


class Validation(NamedTuple):
    """Rows to validate on.

    Attributes
    ----------
    data : TrainingSet
        As the engine takes them.
    given : Examples
        As the user passed them in.
    """

    data: TrainingSet
    given: Examples


class Task(NamedTuple):
    """What one call of ``fit`` or ``partial_fit`` has to do.

    Attributes
    ----------
    settings : mapping of str to object
        The estimator's parameters.
    model : Model
        What to train.
    data : TrainingSet
        All rows to train on.
    given : Examples
        The same as the user passed them in.
    planned : int
        Epochs that schedules reckon with.
    validation : Validation or None
        Rows of their own to validate on.
    groups : array-like or None
        For the splitter that holds out rows.
    names : ndarray of str or None
        Names of the features.
    incremental : bool
        One epoch of ``partial_fit``: no rows are held out, patience is carried from
        call to call and reaching the end of the epoch is no failure to converge.
    exact : bool
        The number of epochs is what is wanted: reaching it is no failure, either.
    """

    settings: Mapping[str, Any]
    model: Model
    data: TrainingSet
    given: Examples
    planned: int
    validation: Validation | None = None
    groups: Any = None
    names: NDArray[Any] | None = None
    incremental: bool = False
    exact: bool = False

    def on_all_rows(self, n_epochs: int) -> "Task":
        """Return the task to train for so many epochs on all rows, those to validate on too."""
        changes = {"max_iter": n_epochs, "n_iter_no_change": math.inf, "max_time": None}
        settings = {**self.settings, **changes, "early_stopping": False}
        task = self._replace(settings=settings, validation=None, exact=True)
        if self.validation is None:
            return task
        return task._replace(data=_joined(self.data, self.validation.data))


def _joined(first: TrainingSet, second: TrainingSet) -> TrainingSet:
    """Return the rows of both."""
    dense = isinstance(first.X, np.ndarray) and isinstance(second.X, np.ndarray)
    X = np.vstack([first.X, second.X]) if dense else vstack([first.X, second.X], format="csr")
    weighted = first.weight is not None or second.weight is not None
    weight = np.concatenate([_weights(first), _weights(second)]) if weighted else None
    return TrainingSet(X, np.concatenate([first.y, second.y]), weight)


def _weights(data: TrainingSet) -> NDArray[np.float64]:
    """Return the weight of each row: one where none is given."""
    return np.ones(data.n_rows) if data.weight is None else data.weight
