"""The mini-batch loop of the first-order solvers."""

from collections.abc import Mapping
from functools import partial
from numbers import Integral
from typing import Any, ClassVar

from skmlp._params import Constraint, Interval
from skmlp.objective import Objective
from skmlp.optimizers.base import Optimizer
from skmlp.schedules import Progress, Schedule
from skmlp.solvers.base import Monitor, Outcome, check_finite
from skmlp.solvers.batches import Batches
from skmlp.workspace import Workspace


class Minibatch:
    """Step along the gradient of one mini-batch after the other.

    Parameters
    ----------
    optimizer : Optimizer
        Turns a gradient into a step; bound to the objective's vectors.
    schedule : Schedule
        Gives the learning rate.
    max_iter : int, default=200
        The most epochs.
    """

    constraints: ClassVar[Mapping[str, Constraint]] = {
        "max_iter": Interval(Integral, 1, None, closed="left")
    }

    def __init__(self, optimizer: Optimizer, schedule: Schedule, max_iter: int = 200) -> None:
        self.optimizer, self.schedule, self.max_iter = optimizer, schedule, max_iter

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
            Is told the mean loss of each epoch.

        Returns
        -------
        Outcome
            Whether the training ended by itself.

        Raises
        ------
        DivergenceError
            After the first epoch whose loss or parameters are not finite.
        """
        workspace = objective.workspace(batches.size)
        for _ in range(self.max_iter):
            loss = self._epoch(objective, batches, workspace, progress)
            progress.epoch += 1
            progress.samples += batches.n_rows
            check_finite(loss, objective.params)
            if monitor.epoch_end(loss) and not self._goes_on(progress, monitor):
                return Outcome(converged=True)
        return Outcome(
            converged=False,
            message=f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and "
            "the optimization hasn't converged yet.",
        )

    def state(self) -> dict[str, Any]:
        """Return the state of the optimizer."""
        return self.optimizer.state()

    def _goes_on(self, progress: Progress, monitor: Monitor) -> bool:
        """Tell whether the schedule answers a stall by another rate."""
        goes_on = self.schedule.survives_stall(progress)
        if goes_on:
            progress.stalls += 1
        monitor.stalled(self.schedule(progress) if goes_on else None)
        return goes_on

    def _epoch(
        self, objective: Objective, batches: Batches, workspace: Workspace, progress: Progress
    ) -> float:
        """Go once through the data; return the weighted mean of the batch losses."""
        value = total = 0.0
        for X, y, weight, share in batches:
            loss = objective.loss_gradient(X, y, weight, workspace.rows(X.shape[0]))
            penalise = partial(objective.penalise, share)
            loss += self.optimizer.step(self.schedule(progress), penalise)
            progress.step += 1
            # A running mean: the sum of losses times weights might overflow.
            total += share
            value += (loss - value) * (share / total)
        return value
