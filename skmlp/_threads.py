"""How many threads a matrix product gets, by its size."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import LibController, ThreadpoolController

#: Below this many multiply-adds OpenBLAS takes one thread by itself.
ALWAYS_SERIAL = 2**13

#: From this many multiply-adds on, a second thread pays. Threads wait for each other
#: by spinning: on a busy machine small products take up to ten times as long.
WORTH_THREADS = 3 * 10**7

_lock = threading.Lock()
_users = 0
_lowered: list[tuple[LibController, int]] = []


@contextmanager
def threads_for(multiply_adds: int) -> Iterator[None]:
    """Give BLAS one thread while the largest product is small.

    The number depends on the size alone, never on timing, and is only ever lowered:
    a user's own limit holds. It is the process's: other threads that call BLAS
    meanwhile have one thread as well, until the last of several users leaves.

    Parameters
    ----------
    multiply_adds : int
        Size of the largest product to come: rows × columns in × columns out.
    """
    if not ALWAYS_SERIAL < multiply_adds < WORTH_THREADS:
        yield
        return
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    """Lower the number, if nobody has yet."""
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            _lowered.extend((lib, n) for lib in _libraries() if (n := lib.num_threads) > 1)
            for lib, _ in _lowered:
                lib.set_num_threads(1)


def _leave() -> None:
    """Put the number back, if nobody needs it low and nobody else has changed it."""
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            for lib, n in _lowered:
                if lib.num_threads == 1:
                    lib.set_num_threads(n)
            _lowered.clear()


@cache
def _libraries() -> tuple[LibController, ...]:
    """Find the BLAS libraries of the process, once: it takes milliseconds."""
    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)
