"""Ctrl-C: the first ends a training, a second one soon after gets through."""

import math
import threading
import time

#: Seconds within which a second interrupt is meant for the whole program.
PATIENCE = 3.0

_lock = threading.Lock()
_last = -math.inf


def absorb() -> bool:
    """Tell whether an interrupt just caught should end this training only.

    Returns
    -------
    bool
        False if another one was absorbed less than three seconds ago: raise it
        again, so that a search over many fits can be stopped.
    """
    global _last
    with _lock:
        previous, _last = _last, time.monotonic()
        return _last - previous > PATIENCE
