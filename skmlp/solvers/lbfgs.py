"""L-BFGS on all rows at once, by SciPy."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize

from skmlp._params import Constraint, Interval
from skmlp.objective import Objective
from skmlp.schedules import Progress
from skmlp.solvers.base import Monitor, Outcome, check_finite
from skmlp.solvers.batches import Batches


class LBFGS:
    """Limited-memory BFGS with line search on the whole training set.

    Parameters
    ----------
    max_iter : int, default=200
        The most iterations.
    max_fun : int, default=15000
        The most evaluations of the objective.
    tol : float, default=1e-4
        Stop when no entry of the gradient is larger.

    References
    ----------
    Liu & Nocedal (1989), "On the limited memory BFGS method for large scale
    optimization", Mathematical Programming 45.
    """

    constraints: ClassVar[Mapping[str, Constraint]] = {
        "max_fun": Interval(Integral, 1, None, closed="left")
    }

    def __init__(self, max_iter: int = 200, max_fun: int = 15000, tol: float = 1e-4) -> None:
        self.options = {"maxiter": int(max_iter), "maxfun": int(max_fun), "gtol": float(tol)}

    def solve(
        self, objective: Objective, batches: Batches, progress: Progress, monitor: Monitor
    ) -> Outcome:
        """Train until the gradient is small, a limit is reached or the monitor stops.

        Parameters
        ----------
        objective : Objective
            What to make small; its parameters are changed in place. Interrupted,
            they are those of the last iteration.
        batches : Batches
            The data, one batch.
        progress : Progress
            Counts iterations and rows; changed in place.
        monitor : Monitor
            Is told the objective after each iteration.

        Returns
        -------
        Outcome
            Whether the training ended by itself.

        Raises
        ------
        DivergenceError
            If the objective or the parameters end up not finite.
        """
        params = objective.params.flat
        run = _Run(objective, batches, progress, monitor)
        try:
            result = minimize(
                run.value_and_gradient,
                params.astype(np.float64),
                method="L-BFGS-B",
                jac=True,
                callback=run.iteration_end,
                options=self.options,
            )
            run.accepted = result.x
        finally:
            np.copyto(params, run.accepted, casting="same_kind")
        check_finite(float(result.fun), objective.params)
        if run.stopped or result.status == 0:
            return Outcome(converged=True, loss=float(result.fun))
        return Outcome(
            converged=False,
            loss=float(result.fun),
            message=f"lbfgs failed to converge after {result.nit} iteration(s) "
            f"(status={result.status}): {result.message}. Increase max_iter or max_fun, "
            "or scale the data.",
        )

    def state(self) -> dict[str, Any]:
        """Return nothing: each call starts without curvature."""
        return {}


class _Run:
    """One minimisation, as SciPy sees it."""

    def __init__(
        self, objective: Objective, batches: Batches, progress: Progress, monitor: Monitor
    ) -> None:
        self.objective, self.progress, self.monitor = objective, progress, monitor
        self.batch = batches.whole()
        self.n_rows = batches.n_rows
        self.rows = objective.workspace(self.n_rows).rows(self.n_rows)
        self.accepted: NDArray[Any] = objective.params.flat.copy()
        self.stopped = False

    def value_and_gradient(self, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return the objective at `x` and its gradient, in float64."""
        np.copyto(self.objective.params.flat, x, casting="same_kind")
        value = self.objective(*self.batch, self.rows)
        return value, self.objective.grads.flat.astype(np.float64)

    def iteration_end(self, intermediate_result: OptimizeResult) -> None:
        """Report an iteration; SciPy finds this method by its argument's name."""
        self.accepted = intermediate_result.x.copy()
        np.copyto(self.objective.params.flat, self.accepted, casting="same_kind")
        self.progress.epoch += 1
        self.progress.samples += self.n_rows
        if self.monitor.epoch_end(float(intermediate_result.fun)):
            self.monitor.stalled(None)
            self.stopped = True
            raise StopIteration
