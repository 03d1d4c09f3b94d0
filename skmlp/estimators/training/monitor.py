"""What an estimator does at the end of each epoch: record, validate, lose patience, tell others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from skmlp.estimators.observers import Epoch, Observer, StopTraining
from skmlp.estimators.training.history import History
from skmlp.estimators.training.keepers import Keeper
from skmlp.estimators.training.validation import HeldOut
from skmlp.stopping import Patience


class EpochMonitor:
    """Watch the training loss, or the score of validation rows.

    Parameters
    ----------
    history : History
        Where epochs are recorded, after those that are there.
    patience : Patience or None
        Ends the training; None leaves that to the solver.
    held_out : HeldOut or None
        Validated after each epoch.
    keeper : Keeper
        Is offered the weights of each epoch.
    observers : sequence of Observer
        Are told of each epoch, in order.
    plateau : callable
        Tells whether a training that has stalled has not begun to learn. It goes on.
    decisive : bool
        Whether patience is with the validation score rather than the training loss.

    Attributes
    ----------
    observers : list of Observer
        To which others may be added.
    """

    def __init__(
        self,
        history: History,
        patience: Patience | None,
        held_out: HeldOut | None,
        keeper: Keeper,
        observers: Sequence[Observer],
        plateau: Callable[[], bool],
        *,
        decisive: bool,
    ) -> None:
        self.history, self.patience, self.keeper = history, patience, keeper
        self.decisive, self._exhausted, self._plateau = decisive, False, plateau
        self._held_out, self.observers = held_out, list(observers)

    @contextmanager
    def observing(self) -> Iterator[None]:
        """Tell the observers of the beginning and of the end of the training."""
        try:
            for observer in self.observers:
                observer.training_begin()
            yield
        finally:
            for observer in self.observers:
                observer.training_end()

    def epoch_begin(self) -> None:
        """Tell the observers."""
        for observer in self.observers:
            observer.epoch_begin()

    def epoch_end(self, loss: float, learning_rate: float | None = None) -> bool:
        """Record an epoch; tell whether patience has run out."""
        epoch, score = Epoch(self.history.n_epochs + 1, loss, learning_rate), -loss
        if self._held_out is not None:
            result = self._held_out.evaluate()
            epoch = epoch._replace(validation_loss=result.loss, validation_score=result.score)
            score = result.score if self.decisive else score
        self.history.add(epoch)
        self.keeper.offer(score, epoch.number)
        stalled = self._is_stalled(score)
        for answer in [_asked(observer, epoch) for observer in self.observers]:
            if answer is not None:
                raise answer
        return stalled

    def _is_stalled(self, score: float) -> bool:
        """Tell whether patience has run out, in a training that had begun to learn."""
        if self.patience is None or not self.patience.stalled(score):
            return False
        if self._plateau():
            self.patience.count = 0
            return False
        return True

    def stalled(self, learning_rate: float | None) -> None:
        """Say what follows a stall; with another learning rate, be patient again."""
        if self.patience is None:
            return
        message = self._stall_message(self.patience, learning_rate)
        for observer in self.observers:
            observer.stalled(message)
        self._exhausted = learning_rate is None
        if learning_rate is not None:
            self.patience.count = 0

    def _stall_message(self, patience: Patience, learning_rate: float | None) -> str:
        """Say that nothing improved and what follows."""
        what = "Validation score" if self.decisive else "Training loss"
        answer = (
            "Stopping." if learning_rate is None else f"Setting learning rate to {learning_rate:f}"
        )
        return (
            f"{what} did not improve more than tol={patience.tol:f} for "
            f"{patience.n_iter_no_change} consecutive epochs. {answer}"
        )

    def settle(self, by: str, *, final: bool) -> tuple[str | None, int]:
        """At the end put back the weights to leave.

        Parameters
        ----------
        by : str
            What ended the training.
        final : bool
            Whether no other call goes on from here.

        Returns
        -------
        stopped_by : str or None
            The same, more precisely; None where another call may go on.
        epoch : int
            Whose weights they are, counted from one.
        """
        n_epochs = self.history.n_epochs
        if by == "tol" and self._exhausted and self.decisive:
            by = "early_stopping"
        if by == "divergence":
            return by, self.keeper.restore_finite() or 0
        if final:
            return by, self.keeper.restore_last(n_epochs)
        if by == "early_stopping" and self.patience is not None:
            self.patience.count = 0  # the next call starts from the best weights
            return by, self.keeper.restore_last(n_epochs)
        return None if by == "max_iter" else by, self.keeper.epoch if self.decisive else n_epochs

    def kept(self, *, incremental: bool) -> dict[str, Any]:
        """Return what a later call of ``partial_fit`` needs: arrays, numbers and strings."""
        kept: dict[str, Any] = {"decisive": self.decisive, "incremental": incremental}
        if self.patience is not None:
            kept["patience"] = {"best": self.patience.best, "count": self.patience.count}
        if incremental and self.decisive:
            kept["keeper"] = self.keeper.state()
        return kept

    def go_on(self, kept: Mapping[str, Any]) -> None:
        """Go on from what ``kept`` returned, if that is about the same scores.

        Those of other rows, which an earlier ``fit`` held out, are not.
        """
        same = kept.get("decisive") == self.decisive
        if not same or (self.decisive and not kept["incremental"]):
            return
        if self.patience is not None:
            vars(self.patience).update(kept.get("patience", {}))
        if "keeper" in kept:
            self.keeper.restore(kept["keeper"])

    def state(self) -> dict[str, Any]:
        """Return what is needed to go on amid a training."""
        patience = self.patience and {"best": self.patience.best, "count": self.patience.count}
        return {
            "history": self.history.state(),
            "keeper": self.keeper.state(),
            "patience": patience or {},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        self.history.restore(state["history"])
        self.keeper.restore(state["keeper"])
        if self.patience is not None:
            vars(self.patience).update(state["patience"])


def _asked(observer: Observer, epoch: Epoch) -> StopTraining | None:
    """Tell an observer of an epoch; return what it answers if the training is to end."""
    try:
        observer.epoch_end(epoch)
    except StopTraining as answer:
        return answer
    return None
