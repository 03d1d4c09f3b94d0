"""Location and spread of columns: weighted, in float64, and open to later rows."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from functools import reduce
from typing import Self

import numpy as np

from skmlp.estimators.scaling.rows import Block, Numbers, Rows

#: Levels of the quantiles: least, lower quartile, median, upper quartile, largest.
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)

#: A spread below this share of the location is that of rounding: the column is constant.
ROUNDING = 4 * float(np.finfo(np.float64).eps)

_LARGEST = float(np.finfo(np.float64).max)


# -- statistics ----------------------------------------------------------------------


@dataclass(frozen=True)
class Statistics(ABC):
    """What is known of the columns of all rows so far.

    Attributes
    ----------
    total : float
        The weight sum of the rows.
    centred : bool
        Whether columns are to be moved; those of sparse rows are not.
    """

    total: float
    centred: bool

    @classmethod
    @abstractmethod
    def of(cls, rows: Rows) -> Self:
        """Measure rows."""

    @abstractmethod
    def merged(self, other: Self) -> Self:
        """Return the statistics of the rows of both."""

    @property
    @abstractmethod
    def location(self) -> Numbers:
        """The number that each column is to be moved by."""

    @property
    @abstractmethod
    def scale(self) -> Numbers:
        """The number that each column is then to be multiplied by."""

    @property
    def centre(self) -> Numbers:
        """The location, or zero where columns are not moved."""
        return self.location if self.centred else np.zeros_like(self.location)

    @property
    def arrays(self) -> list[Numbers]:
        """What is known of the columns."""
        names = [field.name for field in fields(self)]
        return [getattr(self, name) for name in names if name not in ("total", "centred")]

    def _joined(self, other: Self) -> tuple[float, float]:
        """Return the weight sum of both, and the share of the other one."""
        total = min(self.total + other.total, _LARGEST)
        return total, min(other.total / total, 1.0)


@dataclass(frozen=True)
class Standard(Statistics):
    """(x - mean) / standard deviation.

    A standard deviation has a range twice that of a variance, so numbers of any size
    can be measured. Two sets of rows with shares p and q of the weight are merged by
    σ² = p σ₁² + q σ₂² + p q (μ₁ - μ₂)².

    References
    ----------
    Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance", The
    American Statistician 37.
    """

    mean: Numbers
    deviation: Numbers

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """Measure rows, block by block."""
        return reduce(
            cls.merged,
            (cls(total, not rows.sparse, *_moments(block)) for block, total in rows.blocks()),
        )

    def merged(self, other: Self) -> Self:
        """Return the statistics of the rows of both."""
        total, share = self._joined(other)
        shift = other.mean - self.mean
        parts = np.hypot(np.sqrt(1.0 - share) * self.deviation, np.sqrt(share) * other.deviation)
        deviation = np.hypot(parts, np.sqrt(share * (1.0 - share)) * shift)
        return type(self)(total, self.centred, self.mean + share * shift, deviation)

    @property
    def location(self) -> Numbers:
        """The mean."""
        return self.mean

    @property
    def scale(self) -> Numbers:
        """One over the standard deviation; one for a constant column."""
        return _inverse(self.deviation, self.mean, 1.0)


@dataclass(frozen=True)
class MaxAbs(Statistics):
    """x / max |x|: columns are in [-1, 1] and not moved."""

    largest: Numbers

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """Measure rows, block by block."""
        largest = reduce(np.maximum, (block.largest() for block, _ in rows.blocks()))
        return cls(rows.total, False, largest)

    def merged(self, other: Self) -> Self:
        """Return the statistics of the rows of both."""
        total, _ = self._joined(other)
        return type(self)(total, False, np.maximum(self.largest, other.largest))

    @property
    def location(self) -> Numbers:
        """Zero."""
        return np.zeros_like(self.largest)

    @property
    def scale(self) -> Numbers:
        """One over the largest absolute value; one for a column of zeros."""
        return _inverse(self.largest, self.location, 1.0)


@dataclass(frozen=True)
class Quantiles(Statistics):
    """Quantiles at five levels; those of later rows count by their weight.

    The mean of the quantiles of several sets of rows is near the quantile of all, if
    the sets are alike.
    """

    quantiles: Numbers

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """Measure rows, column by column."""
        window = min(1.0, rows.total / rows.n)
        by_column = [_quantiles(values, weight, window) for values, weight in rows.columns()]
        return cls(rows.total, not rows.sparse, np.array(by_column).T)

    def merged(self, other: Self) -> Self:
        """Return the mean of the quantiles of both."""
        total, share = self._joined(other)
        quantiles = self.quantiles + share * (other.quantiles - self.quantiles)
        return type(self)(total, self.centred, quantiles)

    @property
    def location(self) -> Numbers:
        """The median."""
        median: Numbers = self.quantiles[2]
        return median

    @property
    def interquartile(self) -> Numbers:
        """The distance of the quartiles."""
        distance: Numbers = self.quantiles[3] - self.quantiles[1]
        return distance


@dataclass(frozen=True)
class Robust(Quantiles):
    """(x - median) / (upper - lower quartile)."""

    @property
    def scale(self) -> Numbers:
        """One over the distance of the quartiles; one where it is zero."""
        return _inverse(self.interquartile, self.location, 1.0)


@dataclass(frozen=True)
class RobustOrRange(Quantiles):
    """As ``Robust``; where the quartiles meet, 2 (x - median) / (max - min).

    References
    ----------
    Holzmüller, Grinsztajn & Steinwart (2024), "Better by default: strong pre-tuned
    MLPs and boosted trees on tabular data", NeurIPS.
    """

    @property
    def scale(self) -> Numbers:
        """One over the distance, or two over the range; zero for a constant column."""
        half_range = 0.5 * self.quantiles[4] - 0.5 * self.quantiles[0]
        otherwise = _inverse(half_range, self.location, 0.0)
        return _inverse(self.interquartile, self.location, otherwise)


#: What is measured for each way of scaling.
SCALINGS: dict[str, type[Statistics]] = {
    "standard": Standard,
    "robust": Robust,
    "maxabs": MaxAbs,
    "smooth_clip": RobustOrRange,
}


# -- formulas ------------------------------------------------------------------------


def _moments(block: Block) -> tuple[Numbers, Numbers]:
    """Return mean and standard deviation of the columns of a block, which is overwritten.

    Columns are first divided by a power of two near their largest value, which rounds
    nothing, so that squares neither overflow nor vanish. The mean of what is left after
    subtracting the mean is its rounding error.
    """
    _, exponent = np.frexp(block.largest())
    factor = np.ldexp(1.0, np.clip(-exponent, -1000, 1000))
    block.multiply(factor)
    mean = block.mean()
    block.subtract(mean)
    rounding = block.mean()
    block.subtract(rounding)
    block.square()
    return (mean + rounding) / factor, np.sqrt(block.mean()) / factor


def _quantiles(values: Numbers, weight: Numbers | None, window: float) -> Numbers:
    """Return the quantiles of one column, which is overwritten.

    Without weights they are linear between neighbours: sorted and repeated w times
    each, values are a staircase over [0, W], of which the mean over [h, h + 1] is
    taken, with h = level · (W - 1). That makes sense for any weights. Where they are
    less than one on average, so is the `window`.
    """
    if weight is None:
        unweighted: Numbers = np.quantile(values, LEVELS, overwrite_input=True)
        return unweighted
    order = np.argsort(values)
    values, reached = values[order], np.append(0.0, np.cumsum(weight[order]))
    room = max(float(reached[-1]) - window, 0.0)
    return np.array([_mean_step(values, reached, level * room, window) for level in LEVELS])


def _mean_step(values: Numbers, reached: Numbers, start: float, window: float) -> float:
    """Return the mean of a staircase over a window, whose steps end at `reached`."""
    first = min(int(np.searchsorted(reached, start, side="right")) - 1, len(values) - 1)
    last = max(int(np.searchsorted(reached, start + window)), first + 1)
    share = np.diff(np.clip(reached[first : last + 1], start, start + window))
    above = values[first:last] - values[first]
    return float(values[first] + share @ above / max(float(share.sum()), window / 2))


def _inverse(spread: Numbers, location: Numbers, otherwise: float | Numbers) -> Numbers:
    """Return 1 / spread, finite; something else where there is no spread but rounding."""
    spreads = spread > ROUNDING * np.abs(location)
    inverse = np.divide(1.0, spread, out=np.ones_like(spread), where=spreads)
    return np.where(spreads, np.minimum(inverse, _LARGEST), otherwise)
