"""Half the squared error."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmlp._linalg import row_sums
from skmlp._typing import Floats
from skmlp.losses.base import Loss
from skmlp.workspace import Buffer


class SquaredError(Loss):
    """ℓ = ½ Σⱼ (zⱼ - yⱼ)², with dℓ/dz = z - y.

    Several targets are summed, so that value and derivative agree.

    References
    ----------
    Gauss (1809), "Theoria motus corporum coelestium".
    """

    link = "identity"

    def buffers(self, n_outputs: int) -> dict[str, Buffer]:
        """Declare a number a row and one an output."""
        return {"rows": Buffer(), "terms": Buffer(n_outputs, order="F")}

    def rows(
        self, raw: Floats, y: NDArray[Any], grad: Floats, scratch: Mapping[str, NDArray[Any]]
    ) -> Floats:
        """Return ½ Σⱼ (zⱼ - yⱼ)² of each row, and its derivative."""
        np.subtract(raw, y, out=grad)
        np.multiply(grad, grad, out=scratch["terms"])
        np.multiply(scratch["terms"], 0.5, out=scratch["terms"])
        return row_sums(scratch["terms"], scratch["rows"])

    def inverse_link(self, raw: Floats) -> Floats:
        """Leave raw scores as they are: they are the predictions."""
        return raw
