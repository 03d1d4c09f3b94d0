"""The rows of the speed table: the work, and how much faster than each peer it has to be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

N_CLASSES = 10
LONGEST = 20.0  # seconds: a call that takes more is not repeated
SKLEARN, TORCH = "scikit-learn", "PyTorch"
LIBRARIES = ("skmlp", SKLEARN, TORCH)


@dataclass(frozen=True)
class Row:
    """One line of the table: a network, its data, and the call that is timed.

    `calls` calls of `method` make one measurement. `targets` maps a peer to the least ratio wanted;
    a peer without a target is not run. `aim` is the fraction of the matmul rate wanted. `options`
    are further parameters of the estimator.
    """

    name: str
    samples: int
    features: int
    hidden: tuple[int, ...]
    batch: int
    epochs: int = 1
    targets: dict[str, float] = field(default_factory=dict, hash=False)
    dtype: str = "float32"
    method: str = "fit"
    calls: int = 1
    aim: float | None = None
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def trains(self) -> bool:
        """Whether the timed call is a fit."""
        return self.method == "fit"

    @property
    def label(self) -> tuple[str, str]:
        """Two short lines that name the work."""
        net = str(self.hidden)
        if not self.trains:
            return f"{self.method}, {spaced(self.samples)} row{'s' * (self.samples > 1)}", net
        size = f"{spaced(self.samples)} x {self.features}, b {self.batch}"
        suffix = " f64" if self.dtype == "float64" else ""
        return size + suffix, f"{net}, {self.epochs} ep"

    @property
    def row_flops(self) -> int:
        """Floating-point operations for one row of a batch in a step's matrix products.

        Each layer has three products (forward, dW, dX); the first needs no dX.
        """
        products = [a * b for a, b in pairwise((self.features, *self.hidden, N_CLASSES))]
        return 2 * (3 * sum(products) - products[0])

    @property
    def step_flops(self) -> int:
        """Floating-point operations of a step's matrix products."""
        return self.row_flops * self.batch

    def shortened(self) -> Row:
        """The same row with one epoch in place of a few, and a third of the calls."""
        epochs = 1 if self.epochs <= 3 else self.epochs
        return replace(self, epochs=epochs, calls=-(-self.calls // 3))


def spaced(number: int) -> str:
    """Write 10000 as '10 000'."""
    return f"{number:,}".replace(",", " ")


def against(sklearn: float, torch: float | None = None) -> dict[str, float]:
    """The least ratios wanted against each peer."""
    return {SKLEARN: sklearn} | ({TORCH: torch} if torch is not None else {})


ROWS = (
    Row("small", 10_000, 20, (100,), 200, 20, against(3.5, 4.0), calls=3),
    Row("medium", 50_000, 100, (256, 256), 256, 3, against(1.7, 1.5)),
    Row("wide", 20_000, 784, (512, 512), 128, 3, against(1.5, 1.0), aim=0.7),
    Row("deep", 10_000, 784, (1024, 1024, 1024), 256, 2, against(1.3, 1.0), aim=0.7),
    Row("grid", 150, 4, (100,), 150, 200, against(4.0, 4.0), calls=10),
    Row("float64", 10_000, 20, (100,), 200, 20, against(3.0), dtype="float64", calls=3),
    Row("one-row", 1, 20, (100,), 200, 1, against(4.0), method="predict_proba", calls=2000),
    Row("predict", 100_000, 100, (256, 256), 256, 1, against(1.2), method="predict"),
)
MEMORY_ROW = Row("memory", 200_000, 100, (256, 256), 256)
