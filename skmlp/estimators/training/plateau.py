"""Whether a network does no better than a constant."""

from collections.abc import Sequence

import numpy as np

from skmlp._typing import Views
from skmlp.estimators.model import Model
from skmlp.estimators.training.validation import MeanLoss
from skmlp.inference import raw_scores
from skmlp.solvers import TrainingSet

#: What a network has to take off the loss of its mean raw score to be more than a constant.
SHARE = 0.01

#: How many rows are asked whether all predictions are the same, and up to what relative difference.
LOOKED_AT, SAME = 1000, 1e-6


class Plateau:
    """Tell whether raw scores still are as good as their mean over all rows.

    Saturating units start on such a plateau: the gradient that reaches the first layers is tiny,
    and the loss stays at that of the base rate before it falls. Patience that ran out there
    would call a constant converged.

    Parameters
    ----------
    model : Model
        What is trained.
    data : TrainingSet
        What it is trained on.
    params : sequence of mapping of str to ndarray
        Parameters and statistics, as they are at the time of the call.
    """

    def __init__(self, model: Model, data: TrainingSet, params: Sequence[Views]) -> None:
        self._model, self._data, self._params = model, data, params

    def __call__(self) -> bool:
        """Tell whether the loss is that of a constant, though a constant is not all there is."""
        model, (X, y, weight, rows) = self._model, self._data
        chosen = slice(None) if rows is None else rows
        y, weight = y[chosen], None if weight is None else weight[chosen]
        if (y == y[:1]).all():
            return False
        raw = raw_scores(model.network, self._params, X, model.dtype, rows)
        mean = np.average(raw, axis=0, weights=weight).astype(raw.dtype)
        loss = MeanLoss(model.target.training_loss(y), model.target.n_outputs, model.dtype)
        constant = loss(np.broadcast_to(mean, raw.shape), y, weight)
        return loss(raw, y, weight) > (1.0 - SHARE) * constant


def is_constant(model: Model, data: TrainingSet, params: Sequence[Views]) -> bool:
    """Tell whether the network predicts one constant, for rows whose targets differ.

    That is what is left of a network whose units have all died.

    Parameters
    ----------
    model : Model
        What was trained.
    data : TrainingSet
        What it was trained on; the first thousand rows are looked at.
    params : sequence of mapping of str to ndarray
        Parameters and statistics.

    Returns
    -------
    bool
        Whether the raw scores agree up to rounding.
    """
    X, y, _, rows = data
    chosen = np.arange(X.shape[0])[:LOOKED_AT] if rows is None else rows[:LOOKED_AT]
    if (y[chosen] == y[chosen[:1]]).all():
        return False
    raw = raw_scores(model.network, params, X, model.dtype, chosen)
    spread = raw.max(axis=0) - raw.min(axis=0)
    return bool((spread <= SAME * np.abs(raw).max(axis=0)).all())


def never() -> bool:
    """Tell that scores of rows that are not trained on, or of a few rows, leave no doubt."""
    return False
