"""Numbers whose standard deviations are predicted, too."""

from typing import Any

from numpy.typing import NDArray

from skmlp._typing import Floats
from skmlp.estimators.targets.numeric import Numeric


class MeanAndDeviation(Numeric):
    """One number a row, or several, each with a mean and a standard deviation."""

    def decode_with_deviation(self, raw: Floats) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the means and the standard deviations."""
        both = self.loss.inverse_link(raw)
        mean, deviation = both[:, : self.n_targets], both[:, self.n_targets :]
        scaling = self.scaling
        return self._shaped(scaling.decode(mean)), self._shaped(scaling.decode_deviation(deviation))
