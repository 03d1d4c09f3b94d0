"""The absolute error."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmlp._typing import Floats
from skmlp.losses.elementwise import ElementwiseLoss


class AbsoluteError(ElementwiseLoss):
    """ℓ = Σⱼ |zⱼ - yⱼ|, with dℓ/dz = sign(z - y).

    Its minimum is the median.

    References
    ----------
    Laplace (1774), "Mémoire sur la probabilité des causes par les événements".
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
        """Write |z - y| and its derivative."""
        np.subtract(raw, y, out=grad)
        np.abs(grad, out=out)
        np.sign(grad, out=grad)

    def inverse_link(self, raw: Floats) -> Floats:
        """Leave raw scores as they are: they are the predictions."""
        return raw
