"""Layers that do not learn, for a time or for good."""

from collections.abc import Mapping

from skmlp.schedules import Progress


class Freezing:
    """Which dense layers are frozen in an epoch; a pure function of progress.

    A layer thaws once its epochs of the plan are over. Thawing the upper layers before
    the lower ones is called gradual unfreezing.

    Parameters
    ----------
    epochs : mapping of int to float
        For each layer that is frozen at first, how many epochs of a plan that lasts.

    References
    ----------
    Howard & Ruder (2018), "Universal language model fine-tuning for text
    classification", ACL.

    Examples
    --------
    >>> gradual = Freezing({0: 2, 1: 1})
    >>> [sorted(gradual(Progress(epoch=epoch))) for epoch in range(3)]
    [[0, 1], [0], []]
    """

    def __init__(self, epochs: Mapping[int, float]) -> None:
        self.epochs = dict(epochs)

    def __call__(self, progress: Progress) -> frozenset[int]:
        """Return the layers that are frozen in the coming epoch."""
        done = progress.epoch - progress.origin
        return frozenset(layer for layer, epochs in self.epochs.items() if done < epochs)
