"""Decay of the weights that is no part of the loss."""

from numbers import Real

from skmlp._params import Interval
from skmlp.penalties.base import Penalty


class WeightDecay(Penalty):
    """w ← w - lr · weight_decay · w before each step, whatever the optimizer. Biases are spared.

    Unlike `alpha` it is not divided by the size of the batch, and the optimizer does
    not scale it as it scales gradients.

    Parameters
    ----------
    weight_decay : float, default=0.0
        The strength.

    References
    ----------
    Loshchilov & Hutter (2019), "Decoupled weight decay regularization", ICLR.
    """

    constraints = {"weight_decay": Interval(Real, 0, None, closed="left")}

    def __init__(self, weight_decay: float = 0.0) -> None:
        self.weight_decay = float(weight_decay)

    @property
    def active(self) -> bool:
        """Whether there is any decay."""
        return self.weight_decay > 0.0

    def decay(self, lr: float) -> float:
        """Return lr · weight_decay."""
        return lr * self.weight_decay
