"""Log-loss of one class out of several."""

from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from skmlp._params import Constraint, Interval
from skmlp._typing import Floats
from skmlp.losses.multinomial import MultinomialLoss


class MultinomialLogLoss(MultinomialLoss):
    """ℓ = log Σⱼ exp(zⱼ) - z_y, with dℓ/dz = softmax(z) - onehot(y).

    Targets are class codes 0 … k - 1; no indicator matrix is made of them.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        ε: the onehot target becomes (1 - ε) onehot(y) + ε / k.

    References
    ----------
    Bridle (1990), "Probabilistic interpretation of feedforward classification
    network outputs". Szegedy et al. (2016), "Rethinking the Inception architecture for
    computer vision", section 7.
    """

    constraints: ClassVar[Mapping[str, Constraint]] = {
        "label_smoothing": Interval(Real, 0, 1, closed="left")
    }

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = float(label_smoothing)

    def finish(self, raw: Floats, grad: Floats, scratch: Mapping[str, NDArray[Any]]) -> None:
        """Smooth the targets: ℓ becomes (1 - ε) ℓ + ε (log Σⱼ exp(zⱼ) - mean z)."""
        if not self.label_smoothing:
            return
        smoothing, n_classes = self.label_smoothing, raw.shape[1]
        rows, picked, total = scratch["rows"], scratch["picked"], scratch["total"]
        np.add(picked, smoothing, out=picked)
        grad.T.reshape(-1).put(scratch["index"], picked, mode="clip")
        np.subtract(grad, smoothing / n_classes, out=grad)
        np.add.reduce(raw, axis=1, out=picked)
        np.multiply(picked, -1.0 / n_classes, out=picked)
        np.add(picked, scratch["top"], out=picked)
        np.add(picked, total, out=picked)
        np.multiply(picked, smoothing, out=picked)
        np.multiply(rows, 1.0 - smoothing, out=rows)
        np.add(rows, picked, out=rows)
