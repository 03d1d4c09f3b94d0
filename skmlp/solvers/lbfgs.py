"""L-BFGS on all rows at once, by SciPy."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, OptimizeResult, minimize

from skmlp._params import Constraint, Interval
from skmlp._typing import Floats
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
        run = _Run(objective, batches, progress, monitor)
        monitor.epoch_begin()
        try:
            result = minimize(
                run.value_and_gradient,
                run.form.start,
                method="L-BFGS-B",
                jac=True,
                bounds=run.form.bounds,
                callback=run.iteration_end,
                options={**self.options, **run.form.options},
            )
            run.end(result)
        finally:
            run.write(run.accepted)
            run.record()
        check_finite(run.loss, objective.params)
        if run.stopped or result.status == 0:
            return Outcome(converged=True, loss=run.loss)
        return Outcome(
            converged=False,
            loss=run.loss,
            stopped_by=self._stopped_by(result),
            message=f"lbfgs failed to converge after {result.nit} iteration(s) "
            f"(status={result.status}): {result.message}. Increase max_iter or max_fun, "
            "or scale the data.",
        )

    def _stopped_by(self, result: OptimizeResult) -> str:
        """Return which limit was met, or that the line search found nothing better."""
        if result.status != 1:
            return "line_search"
        return "max_iter" if result.nit >= self.options["maxiter"] else "max_fun"

    @property
    def full_batch(self) -> bool:
        """Whether a batch has to be all rows: yes."""
        return True

    def state(self) -> dict[str, Any]:
        """Return nothing: each call starts without curvature."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take nothing over."""


class _Plain:
    """The parameters that learn as SciPy sees them: as they are.

    Attributes
    ----------
    start : ndarray of shape (n,)
        Where they are at first.
    bounds : Bounds or None
        What each may be.
    options : dict
        When else to stop.
    """

    def __init__(self, params: Floats) -> None:
        self.start: NDArray[np.float64] = params.astype(np.float64)
        self.bounds: Bounds | None = None
        self.options: dict[str, float] = {}

    def joined(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the parameters that `x` stands for."""
        return x

    def excess(self, x: NDArray[np.float64]) -> float:
        """Return how much larger than the objective SciPy's function is."""
        return 0.0

    def gradient(self, grads: Floats) -> NDArray[np.float64]:
        """Return the gradient of SciPy's function, given that of the objective."""
        return grads.astype(np.float64)

    def sparser(self, params: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Return parameters to prefer in the end, unless the objective is larger there."""
        return []


class _Split(_Plain):
    """The weights as w = u - v with u, v >= 0; SciPy sees the vector (u, biases, v).

    An L1 penalty t Σ |w| has no derivative at zero, but t Σ (u + v) has. At the
    minimum one of u and v is zero. On the way both may be positive, and SciPy's
    function is larger than the objective by 2 t Σ min(u, v).

    Steps that run into bounds may bring little amid good ones, so that a small
    reduction of the objective does not end the training.

    References
    ----------
    Schmidt, Fung & Rosales (2007), "Fast optimization methods for L1 regularization",
    ECML.
    """

    def __init__(self, params: Floats, n_penalised: int, strength: float) -> None:
        self._size, self._n, self._strength = params.size, n_penalised, strength
        self._epsilon = float(np.finfo(params.dtype).eps)
        self.start = np.concatenate([params, params[: self._n]], dtype=np.float64)
        u, v = self._halves(self.start)
        np.maximum(u, 0.0, out=u)
        np.subtract(u, v, out=v)
        low = np.zeros(len(self.start))
        low[self._n : self._size] = -np.inf
        self.bounds = Bounds(low)
        self.options = {"ftol": 64.0 * float(np.finfo(np.float64).eps)}

    def _halves(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return views of u and v."""
        return x[: self._n], x[self._size :]

    def joined(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (u - v, biases)."""
        u, v = self._halves(x)
        return np.concatenate([u - v, x[self._n : self._size]])

    def excess(self, x: NDArray[np.float64]) -> float:
        """Return 2 t Σ min(u, v)."""
        return 2.0 * self._strength * float(np.minimum(*self._halves(x)).sum())

    def gradient(self, grads: Floats) -> NDArray[np.float64]:
        """Return (g + t, those of the biases, t - g), given g without the L1 penalty."""
        gradient = np.concatenate([grads, -grads[: self._n]], dtype=np.float64)
        for half in self._halves(gradient):
            half += self._strength
        return gradient

    def sparser(self, params: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Return the parameters without the weights that are √ε of the largest, or ε."""
        sizes = np.abs(params)
        sizes[self._n :] = np.inf
        largest = sizes[: self._n].max()
        shares = (self._epsilon**0.5, self._epsilon)
        return [np.where(sizes <= share * largest, 0.0, params) for share in shares]


class _Run:
    """One minimisation: the functions that SciPy calls."""

    def __init__(
        self, objective: Objective, batches: Batches, progress: Progress, monitor: Monitor
    ) -> None:
        self.objective, self.progress, self.monitor = objective, progress, monitor
        self.batch = batches.whole()
        self.n_rows = batches.n_rows
        workspace = objective.workspace(self.n_rows, sparse=batches.sparse)
        self.rows = workspace.rows(self.n_rows)
        self.stopped, self.loss = False, np.inf
        strength = objective.threshold(self.batch.total)
        params = self._learning(objective.params.flat)
        self.form = _Split(params, self._n_penalised(), strength) if strength else _Plain(params)
        self.accepted: NDArray[Any] = params.copy()

    def _n_penalised(self) -> int:
        """Return how many of the parameters that learn are penalised: the first ones."""
        n = self.objective.params.n_penalised
        return sum(min(p.stop, n) - p.start for p in self.objective.moving[0] if p.start < n)

    def _learning(self, flat: Floats) -> Floats:
        """Return what learns of a vector as long as the parameters."""
        parts = [flat[part] for part in self.objective.moving[0]]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def write(self, params: NDArray[Any]) -> None:
        """Write what learns to the objective's parameters."""
        start = 0
        for part in self.objective.moving[0]:
            values = self.objective.params.flat[part]
            np.copyto(values, params[start : start + values.size], casting="same_kind")
            start += values.size

    def _value(self, params: NDArray[np.float64]) -> float:
        """Return the objective of some parameters, and leave the gradient."""
        self.write(params)
        self.objective.forget()
        return self.objective(*self.batch, self.rows)

    def value_and_gradient(self, x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return SciPy's function and its gradient, in float64."""
        value = self._value(self.form.joined(x)) + self.form.excess(x)
        return value, self.form.gradient(self._learning(self.objective.grads.flat))

    def _accept(self, result: OptimizeResult) -> None:
        """Keep the parameters and the loss of an iteration."""
        self.accepted = self.form.joined(result.x).copy()
        self.loss = float(result.fun) - self.form.excess(result.x)

    def end(self, result: OptimizeResult) -> None:
        """Keep the last parameters, or sparser ones if the objective is no larger there."""
        self._accept(result)
        sparser = self.form.sparser(self.accepted)
        self.accepted = next((p for p in sparser if self._value(p) <= self.loss), self.accepted)

    def record(self) -> None:
        """Let the layers record the statistics that belong to the final parameters."""
        if self.objective.statistics.flat.size:
            self.objective.forget()
            self.objective.loss_gradient(*self.batch[:3], self.rows)

    def iteration_end(self, intermediate_result: OptimizeResult) -> None:
        """Report an iteration; SciPy finds this method by its argument's name."""
        self._accept(intermediate_result)
        self.write(self.accepted)
        self.progress.end_epoch(self.n_rows)
        if self._stalled():
            self.monitor.stalled(None)
            self.stopped = True
            raise StopIteration

    def _stalled(self) -> bool:
        """Tell the monitor of an iteration, and of the next; tell whether progress has stalled."""
        try:
            if self.monitor.epoch_end(self.loss):
                return True
            self.monitor.epoch_begin()
        except StopIteration as error:  # which SciPy would take for ours
            raise RuntimeError("A callback or a scorer raised StopIteration.") from error
        return False
