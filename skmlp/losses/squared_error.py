"""Half the squared error."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmlp._typing import Floats
from skmlp.losses.elementwise import ElementwiseLoss


class SquaredError(ElementwiseLoss):
    """ℓ = ½ Σⱼ (zⱼ - yⱼ)², with dℓ/dz = z - y.

    Several targets are summed, so that value and derivative agree.

    References
    ----------
    Gauss (1809), "Theoria motus corporum coelestium".
    """

    link = "identity"

    def terms(
        self,
        raw: Floats,
        y: NDArray[Any],
        grad: Floats,
        out: Floats,
        scratch: Mapping[str, NDArray[Any]],
    ) -> None:
        """Write ½ (z - y)² and its derivative."""
        np.subtract(raw, y, out=grad)
        np.multiply(grad, grad, out=out)
        np.multiply(out, 0.5, out=out)

    def inverse_link(self, raw: Floats) -> Floats:
        """Leave raw scores as they are: they are the predictions."""
        return raw
