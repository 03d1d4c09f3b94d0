"""The mini-batch loop of the first-order solvers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, ClassVar

from skmlp._params import Constraint, Interval
from skmlp.clipping import Clip
from skmlp.objective import Objective
from skmlp.optimizers.base import Optimizer
from skmlp.schedules import Constant, Progress, Rate
from skmlp.solvers.averaging import Evaluated
from skmlp.solvers.base import Monitor, Outcome, check_finite
from skmlp.solvers.batches import Batch, Batches
from skmlp.solvers.freezing import Freezing
from skmlp.workspace import Workspace


@dataclass
class Minibatch:
    """Step along the gradient of one mini-batch after the other.

    Parameters
    ----------
    optimizer : Optimizer
        Turns a gradient into a step; bound to the objective's vectors.
    evaluated : Evaluated
        What validation and prediction use; brought up to date here.
    learning_rate : Rate
        Asked before each step.
    max_iter : int, default=200
        The most epochs.
    clips : sequence of Clip
        Limits on the gradient of the loss.
    dropout_rate, decay_rate : Rate
        Factors of dropout and weight decay, asked before each step.
    freezing : Freezing
        Asked before each epoch which layers do not learn. Where that changes, the
        optimizer starts afresh: moments of a layer that stood still would be wrong.
    done : int, default=0
        How many of the epochs are over, in a training that is resumed.
    """

    constraints: ClassVar[Mapping[str, Constraint]] = {
        "max_iter": Interval(Integral, 1, None, closed="left")
    }

    optimizer: Optimizer
    evaluated: Evaluated
    learning_rate: Rate
    max_iter: int = 200
    clips: Sequence[Clip] = ()
    dropout_rate: Rate = field(default_factory=lambda: Constant(1.0))
    decay_rate: Rate = field(default_factory=lambda: Constant(1.0))
    freezing: Freezing = field(default_factory=lambda: Freezing({}))
    done: int = 0

    #: The frozen layers that the state of the optimizer goes with.
    _frozen: frozenset[int] = field(default=frozenset(), init=False)

    def solve(
        self, objective: Objective, batches: Batches, progress: Progress, monitor: Monitor
    ) -> Outcome:
        """Train until the monitor has seen enough or `max_iter` epochs are over.

        Parameters
        ----------
        objective : Objective
            What to make small; its parameters are changed in place.
        batches : Batches
            The data.
        progress : Progress
            Counts epochs, steps and rows; changed in place.
        monitor : Monitor
            Is told the mean loss and the last learning rate of each epoch.

        Returns
        -------
        Outcome
            Whether the training ended by itself.

        Raises
        ------
        DivergenceError
            After the first epoch whose loss or parameters are not finite.
        """
        workspace = objective.workspace(batches.size, sparse=batches.sparse)
        progress.batch, progress.batches = 0, batches.n_batches
        for _ in range(self.done, self.max_iter):
            monitor.epoch_begin()
            self._freeze(objective, progress)
            loss = self._epoch(objective, batches, workspace, progress)
            progress.end_epoch(batches.n_rows)
            check_finite(loss, objective.params)
            self.evaluated.refresh()
            if monitor.epoch_end(loss, self._rate) and not self._goes_on(progress, monitor):
                return Outcome(converged=True)
        return Outcome(
            converged=False,
            stopped_by="max_iter",
            message=f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and "
            "the optimization hasn't converged yet. Increase max_iter, or scale the data.",
        )

    @property
    def full_batch(self) -> bool:
        """Whether a batch has to be all rows."""
        return self.optimizer.full_batch

    def state(self) -> dict[str, Any]:
        """Return the state of the optimizer, and as bits which layers were frozen."""
        return {**self.optimizer.state(), "frozen": sum(1 << i for i in self._frozen)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Let the optimizer go on."""
        self.optimizer.restore(state)
        frozen = int(state.get("frozen", 0))
        self._frozen = frozenset(i for i in range(frozen.bit_length()) if frozen >> i & 1)

    def _freeze(self, objective: Objective, progress: Progress) -> None:
        """Hold the layers that are frozen in the coming epoch, and no others."""
        frozen = self.freezing(progress)
        if frozen != self._frozen:
            self.optimizer.restart()
            self._frozen = frozen
        if frozen != objective.frozen:
            objective.freeze(frozen)
            self.evaluated.freeze()
            self.optimizer.move(objective.moving[0])

    def _goes_on(self, progress: Progress, monitor: Monitor) -> bool:
        """Tell whether the schedule answers a stall by another rate."""
        goes_on = self.learning_rate.survives_stall(progress)
        if goes_on:
            progress.stalls += 1
        monitor.stalled(self.learning_rate(progress) if goes_on else None)
        return goes_on

    def _epoch(
        self, objective: Objective, batches: Batches, workspace: Workspace, progress: Progress
    ) -> float:
        """Go once through the data; return the weighted mean of the batch losses."""
        value = total = 0.0
        for batch in batches:
            loss = self._step(objective, batch, workspace, progress)
            # A running mean: the sum of losses times weights might overflow.
            total += batch.total
            value += (loss - value) * (batch.total / total)
        return value

    def _step(
        self, objective: Objective, batch: Batch, workspace: Workspace, progress: Progress
    ) -> float:
        """Move the parameters along the gradient of one batch; return its loss."""
        X, y, weight, total = batch
        objective.noise.strength = self.dropout_rate(progress)
        loss = objective.loss_gradient(X, y, weight, workspace.rows(X.shape[0]))
        for clip in self.clips:
            clip(objective.grads.flat)
        self._rate = self.learning_rate(progress)
        sweep = objective.sweep(total, self.decay_rate(progress))
        if objective.projects:
            loss += objective.matrix_value(total)
        loss += self.optimizer.step(self._rate, sweep)
        if objective.projects:
            objective.project(total, self.optimizer.iterate, self.optimizer.rates_of)
            self.optimizer.settle()
        self.evaluated.after_step()
        progress.step += 1
        progress.batch += 1
        return loss
