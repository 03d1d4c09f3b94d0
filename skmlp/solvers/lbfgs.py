"""L-BFGS on all rows at once, by SciPy."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, OptimizeResult, minimize

from skmlp._params import Constraint, Interval
from skmlp.objective import Objective
from skmlp.schedules import Progress
from skmlp.solvers.averaging import Evaluated
from skmlp.solvers.base import Monitor, Outcome, check_finite
from skmlp.solvers.batches import Batches


class LBFGS:
    """Limited-memory BFGS with line search on the whole training set.

    Parameters
    ----------
    evaluated : Evaluated
        What validation and prediction use.
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

    def __init__(
        self, evaluated: Evaluated, max_iter: int = 200, max_fun: int = 15000, tol: float = 1e-4
    ) -> None:
        self.evaluated = evaluated
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
                run.start,
                method="L-BFGS-B",
                jac=True,
                bounds=run.bounds,
                callback=run.iteration_end,
                options=self.options,
            )
            run.accept(result.x)
        finally:
            np.copyto(params, run.accepted, casting="same_kind")
            run.record()
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

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take nothing over."""


class _Run:
    """One minimisation, as SciPy sees it.

    An L1 penalty t Σ |w| has no derivative at zero. So the penalised weights are split
    into w = u - v with u, v >= 0, of which the penalty is t Σ (u + v): smooth, and at
    the minimum one of the two is at its bound. SciPy sees the vector (u, biases, v).
    """

    def __init__(
        self, objective: Objective, batches: Batches, progress: Progress, monitor: Monitor
    ) -> None:
        self.objective, self.progress, self.monitor = objective, progress, monitor
        self.batch = batches.whole()
        self.n_rows = batches.n_rows
        self.rows = objective.workspace(self.n_rows).rows(self.n_rows)
        self.stopped = False
        self._strength = objective.threshold(self.batch.total)
        params = objective.params
        self.accepted: NDArray[Any] = params.flat.copy()
        self._n_split = params.n_penalised if self._strength else 0
        self.start = params.flat.astype(np.float64)
        self.bounds: Bounds | None = None
        if self._n_split:
            weights = self.start[: self._n_split]
            self.start = np.concatenate([self.start, np.maximum(-weights, 0.0)])
            np.maximum(weights, 0.0, out=self.start[: self._n_split])
            low = np.full(len(self.start), -np.inf)
            low[: self._n_split] = low[params.flat.size :] = 0.0
            self.bounds = Bounds(low)

    def _joined(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the parameters that SciPy's vector stands for."""
        if not self._n_split:
            return x
        joined = x[: len(self.accepted)].copy()
        joined[: self._n_split] -= x[len(self.accepted) :]
        return joined

    def value_and_gradient(self, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return the objective at `x` and its gradient, in float64."""
        np.copyto(self.objective.params.flat, self._joined(x), casting="same_kind")
        self.objective.network.forget(self.objective.views)
        value = self.objective(*self.batch, self.rows)
        gradient = self.objective.grads.flat.astype(np.float64)
        if self._n_split:
            n = self._n_split
            # Both halves of a weight may be positive on the way to the minimum.
            both = np.minimum(x[:n], x[len(self.accepted) :]).sum()
            value += 2.0 * self._strength * float(both)
            gradient = np.concatenate([gradient, self._strength - gradient[:n]])
            gradient[:n] += self._strength
        return value, gradient

    def accept(self, x: NDArray[np.float64]) -> None:
        """Keep the parameters of an iteration."""
        self.accepted = self._joined(x).copy()

    def record(self) -> None:
        """Let the layers record the statistics that belong to the final parameters."""
        if self.objective.statistics.flat.size:
            self.objective.network.forget(self.objective.views)
            self.objective.loss_gradient(*self.batch[:3], self.rows)

    def iteration_end(self, intermediate_result: OptimizeResult) -> None:
        """Report an iteration; SciPy finds this method by its argument's name."""
        self.accept(intermediate_result.x)
        np.copyto(self.objective.params.flat, self.accepted, casting="same_kind")
        self.progress.end_epoch(self.n_rows)
        if self.monitor.epoch_end(float(intermediate_result.fun)):
            self.monitor.stalled(None)
            self.stopped = True
            raise StopIteration
