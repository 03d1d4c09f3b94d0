"""What an estimator does at the end of each epoch: record, print, score, lose patience."""

import math
from collections.abc import Sequence

import numpy as np

from skmlp._arena import Arena
from skmlp.estimators.validation import HeldOut
from skmlp.stopping import Patience


class EpochMonitor:
    """Watch the training loss, or the score on held-out rows.

    Parameters
    ----------
    arenas : sequence of Arena
        Parameters and statistics, as prediction uses them.
    patience : Patience or None
        Ends the training; None leaves that to the solver.
    held_out : HeldOut or None
        Scored after each epoch; the best parameters are kept. None to watch the loss.
    verbose : bool or int
        Whether to print a line an epoch.

    Attributes
    ----------
    loss_curve : list of float
        The loss of each epoch.
    rate_curve : list of float
        The learning rate of the last step of each epoch.
    scores : list of float
        The score of each epoch; empty without held-out rows.
    best_score : float
        The highest of them; ``-inf`` before the first.
    """

    def __init__(
        self,
        arenas: Sequence[Arena],
        patience: Patience | None,
        held_out: HeldOut | None,
        verbose: int,
    ) -> None:
        self._arenas, self._held_out, self._verbose = arenas, held_out, bool(verbose)
        self.patience = patience
        self.loss_curve: list[float] = []
        self.rate_curve: list[float] = []
        self.scores: list[float] = []
        self.best_score = -math.inf
        self._best = [arena.flat.copy() for arena in arenas] if held_out else []

    def epoch_end(self, loss: float, learning_rate: float | None = None) -> bool:
        """Record an epoch; tell whether patience has run out."""
        self.loss_curve.append(loss)
        if learning_rate is not None:
            self.rate_curve.append(learning_rate)
        if self._verbose:
            print(f"Iteration {len(self.loss_curve)}, loss = {loss:.8f}")
        score = -loss if self._held_out is None else self._validate(self._held_out)
        return self.patience is not None and self.patience.stalled(score)

    def _validate(self, held_out: HeldOut) -> float:
        """Score the held-out rows; keep the parameters if they are the best so far."""
        score = held_out.score()
        if score > self.best_score:
            self.best_score = score
            for best, arena in zip(self._best, self._arenas, strict=True):
                np.copyto(best, arena.flat)
        self.scores.append(score)
        if self._verbose:
            print(f"Validation score: {score:f}")
        return score

    def stalled(self, learning_rate: float | None) -> None:
        """Say what follows a stall; with another learning rate, be patient again."""
        if self._verbose and self.patience is not None:
            print(self._stall_message(self.patience, learning_rate))
        if self.patience is not None and learning_rate is not None:
            self.patience.count = 0

    def _stall_message(self, patience: Patience, learning_rate: float | None) -> str:
        """Say that nothing improved and what follows."""
        what = "Training loss" if self._held_out is None else "Validation score"
        answer = (
            "Stopping." if learning_rate is None else f"Setting learning rate to {learning_rate:f}"
        )
        return (
            f"{what} did not improve more than tol={patience.tol:f} for "
            f"{patience.n_iter_no_change} consecutive epochs. {answer}"
        )

    def diverged(self) -> None:
        """Record an epoch that left nothing finite."""
        self.loss_curve.append(math.nan)
        if self.rate_curve:
            self.rate_curve.append(math.nan)
        if self._held_out is not None:
            self.scores.append(math.nan)

    def restore_best(self) -> None:
        """Put back the best parameters, if they were kept."""
        if self._best:
            for best, arena in zip(self._best, self._arenas, strict=True):
                np.copyto(arena.flat, best)
