"""What is recorded of each epoch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from skmlp.estimators.observers import Epoch


@dataclass
class History:
    """One number an epoch in each list; those of what does not apply stay empty.

    Attributes
    ----------
    loss : list of float
        Loss plus penalties on the training rows, as they were met.
    learning_rate : list of float
        The learning rate of the last step.
    validation_loss, validation_score : list of float
        Of the validation rows.
    """

    loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_score: list[float] = field(default_factory=list)

    @property
    def n_epochs(self) -> int:
        """Epochs recorded."""
        return len(self.loss)

    def add(self, epoch: Epoch) -> None:
        """Record an epoch."""
        self.loss.append(epoch.loss)
        if epoch.learning_rate is not None:
            self.learning_rate.append(epoch.learning_rate)
        if epoch.validation_loss is not None and epoch.validation_score is not None:
            self.validation_loss.append(epoch.validation_loss)
            self.validation_score.append(epoch.validation_score)

    def diverged(self) -> None:
        """Record an epoch that left nothing finite: NaN in each list in use."""
        self.loss.append(math.nan)
        for curve in (self.learning_rate, self.validation_loss, self.validation_score):
            if curve:
                curve.append(math.nan)

    def state(self) -> dict[str, Any]:
        """Return copies of the lists."""
        return {name: list(curve) for name, curve in vars(self).items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        for name, curve in vars(self).items():
            curve[:] = state[name]
