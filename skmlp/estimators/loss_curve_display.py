"""A plot of the loss, epoch by epoch."""

from collections.abc import Sequence
from typing import Any, Self

from sklearn.utils.validation import check_is_fitted


class LossCurveDisplay:
    """The loss after each epoch, on training and validation rows.

    It needs matplotlib. Use ``from_estimator`` to make one.

    Parameters
    ----------
    loss_curve : sequence of float
        The training loss of each epoch.
    validation_loss_curve : sequence of float, default=None
        The loss on validation rows, if there were any.
    best_iter : int, default=None
        The epoch whose weights were kept, counted from one.
    estimator_name : str, default=None
        For the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        That of the axes.
    lines_ : list of matplotlib Line2D
        The curves.
    """

    def __init__(
        self,
        *,
        loss_curve: Sequence[float],
        validation_loss_curve: Sequence[float] | None = None,
        best_iter: int | None = None,
        estimator_name: str | None = None,
    ) -> None:
        self.loss_curve, self.validation_loss_curve = loss_curve, validation_loss_curve
        self.best_iter, self.estimator_name = best_iter, estimator_name

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the curves of a fitted estimator.

        Parameters
        ----------
        estimator : object
            Has ``loss_curve_``, and perhaps ``validation_loss_curve_`` and
            ``best_iter_``.
        ax : matplotlib Axes, default=None
            Where to draw; None makes new axes.
        **kwargs
            For ``matplotlib.axes.Axes.plot``.

        Returns
        -------
        LossCurveDisplay
            The plot.
        """
        check_is_fitted(estimator, "loss_curve_")
        display = cls(
            loss_curve=estimator.loss_curve_,
            validation_loss_curve=getattr(estimator, "validation_loss_curve_", None),
            best_iter=getattr(estimator, "best_iter_", None),
            estimator_name=type(estimator).__name__,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes new axes.
        **kwargs
            For ``matplotlib.axes.Axes.plot``.

        Returns
        -------
        LossCurveDisplay
            The plot itself.
        """
        self.ax_ = _new_axes() if ax is None else ax
        self.figure_ = self.ax_.figure
        curves = {"training": self.loss_curve, "validation": self.validation_loss_curve}
        self.lines_ = [
            self.ax_.plot(range(1, len(curve) + 1), curve, **{"label": name, **kwargs})[0]
            for name, curve in curves.items()
            if curve
        ]
        self._explain()
        return self

    def _explain(self) -> None:
        """Write beside the curves what they are; with validation, mark the best epoch."""
        self.ax_.set(xlabel="Epoch", ylabel="Loss", title=self.estimator_name)
        if len(self.lines_) > 1:
            if self.best_iter:
                self.ax_.axvline(self.best_iter, color="gray", linestyle=":", label="best")
            self.ax_.legend()


def _new_axes() -> Any:
    """Return axes in a figure of their own."""
    from matplotlib import pyplot as plt  # noqa: PLC0415 (an optional package)

    _, ax = plt.subplots()
    return ax
