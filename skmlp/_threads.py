"""How many threads a matrix product gets, by its size."""

import threading
from contextlib import AbstractContextManager, nullcontext
from functools import cache

from threadpoolctl import LibController, ThreadpoolController

#: Up to this many multiply-adds OpenBLAS takes one thread by itself.
ALWAYS_SERIAL = 2**13

#: From this many multiply-adds on, a second thread pays. Threads wait for each other
#: by spinning: on a busy machine small products take up to ten times as long.
WORTH_THREADS = 10**8


def threads_for(multiply_adds: int) -> AbstractContextManager[None]:
    """Return a context in which BLAS has one thread if the largest product is small.

    The number depends on the size alone, never on timing, and is only ever lowered:
    a user's own limit holds. It is the process's: other threads that call BLAS
    meanwhile have one thread as well, until the last of several users leaves.
    A limit that a user sets in another thread meanwhile takes the lowered number for
    the one to go back to.

    Parameters
    ----------
    multiply_adds : int
        Size of the largest product to come: rows × columns in × columns out.
    """
    if ALWAYS_SERIAL < multiply_adds < WORTH_THREADS:
        return _ONE_THREAD
    return _UNCHANGED


class _OneThread(AbstractContextManager[None]):
    """Lower the number of BLAS threads to one while anybody is inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._lowered: list[tuple[LibController, int]] = []

    def __enter__(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._lowered = [(lib, lib.num_threads) for lib in _blas_libraries()]
                for lib, before in self._lowered:
                    if before > 1:
                        _set(lib, 1)

    def __exit__(self, *exception: object) -> None:
        """Put the number back, unless somebody else has changed it meanwhile."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                for lib, before in self._lowered:
                    if before > 1 and lib.num_threads == 1:
                        _set(lib, before)


def _set(lib: LibController, number: int) -> None:
    """Set the number of threads from whatever thread this is.

    Since version 3.7 threadpoolctl heeds one thread only, the first that sets a
    number, until it lets go. The last user to leave need not be the first that came.
    """
    lib.set_num_threads(number)
    if hasattr(lib, "clear_controlling_thread"):
        lib.clear_controlling_thread()


@cache
def _blas_libraries() -> tuple[LibController, ...]:
    """Find the BLAS libraries of the process, once: it takes milliseconds."""
    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)


_ONE_THREAD = _OneThread()
_UNCHANGED = nullcontext()
