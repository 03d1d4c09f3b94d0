"""Trainings that start from the weights of other networks."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from skmlp.estimators.scaling import feature_scaling
from skmlp.estimators.training.solving import solver_name
from skmlp.estimators.training.training import Training
from skmlp.estimators.transfer.transfer import Transfer
from skmlp.solvers import TrainingSet


class Transferred(Training):
    """A training of a new network, of which some weights are not drawn but taken over.

    All are drawn first, so that the random stream is the same.

    Parameters
    ----------
    task : Task
        What to do.
    view : callable
        As for ``Training``.
    transfer : Transfer
        What is taken over.
    **origin
        As for ``Training``.
    """

    def __init__(self, task: Any, view: Any, *, transfer: Transfer, **origin: Any) -> None:
        self.transfer = transfer
        super().__init__(task, view, **origin)

    def _adapt(self, data: TrainingSet) -> None:
        """Write what is taken over; what is drawn sees some rows before."""
        self.features = self.transfer.scaled(self.features, incremental=self.task.incremental)
        feature_scaling.write(self.features, self.objective.views)
        super()._adapt(data)
        self.transfer.write(self.objective.views, self.transfer.layers)


class Grown(Transferred):
    """A training that goes on with more output units than before, and patience anew."""

    def _restore_solver(self) -> None:
        """Let the solver go on; what belongs to new units starts afresh."""
        saved = {name: part for name, part in self.saved.items() if name != "watched"}
        if saved.get("solver") == solver_name(self.settings):
            same = self.transfer.same()
            saved["optimizer"] = self._widened(saved["optimizer"], self.solver.state(), same)
        if "params" in saved.get("evaluated", {}):
            params = {"params": self.objective.params.flat}
            saved["evaluated"] = self._widened(saved["evaluated"], params, self.transfer)
        self.saved = saved
        super()._restore_solver()

    def _widened(
        self, state: Mapping[str, Any], fresh: Mapping[str, Any], transfer: Transfer
    ) -> dict[str, Any]:
        """Return a state whose vectors are as long as the parameters, with more of these."""
        layout, wider = self.model.network.layout, dict(state)
        for name, vector in fresh.items():
            if name in state and isinstance(vector, np.ndarray):
                wider[name] = vector.copy()
                given = self.transfer.other.layout.views(state[name])
                transfer.write(layout.views(wider[name]), given)
        return wider
