"""One library in one process: answers requests, one JSON line each, until its input ends.

The thread settings come with the environment, so they hold before NumPy is imported.
"""

from __future__ import annotations

import gc
import json
import sys
import time
import warnings
from dataclasses import replace
from functools import lru_cache
from typing import Any

import _parts
import _peers
import numpy as np
import threadpoolctl
from _rows import LONGEST, MEMORY_ROW, TORCH, Row
from sklearn.exceptions import ConvergenceWarning


def timed(work: _peers.Work, calls: int = 1) -> dict[str, float]:
    """Call `work` a few times; return the process CPU time and the wall time of a call.

    After `LONGEST` seconds no further call is made.
    """
    gc.collect()
    done, wall, cpu = 0, time.perf_counter(), time.process_time()
    while done < calls and time.perf_counter() - wall < LONGEST:
        work()
        done += 1
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"cpu": cpu / done, "wall": wall / done}


class Worker:
    """The requests a worker understands, for one library."""

    def __init__(self, library: str, threads: int | None) -> None:
        self.library = library
        self.make_work = lru_cache(maxsize=4)(_peers.make_work)
        if library == TORCH and threads is not None:
            import torch

            torch.set_num_threads(threads)

    def about(self) -> dict[str, Any]:
        """Versions, and the BLAS that NumPy found."""
        import scipy
        import sklearn

        versions = {"NumPy": np.__version__, "SciPy": scipy.__version__}
        versions["scikit-learn"] = sklearn.__version__
        if self.library != "scikit-learn":
            versions[self.library] = __import__(self.library.removeprefix("Py").lower()).__version__
        pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
        keys = ("internal_api", "version", "architecture")
        blas = [[str(pool.get(key, "")) for key in keys] for pool in pools]
        return {"versions": versions, "blas": blas}

    def run(self, row: dict[str, Any]) -> dict[str, float]:
        """Time one measurement of a row."""
        todo = as_row(row)
        return timed(self.make_work(self.library, todo), todo.calls)

    def matmul_rate(self, dtype: str, size: int = 1536) -> dict[str, float]:
        """Floating-point operations a second in a large matrix product."""
        a = np.ones((size, size), dtype)
        out = a @ a
        times = timed(lambda: np.matmul(a, a, out=out))
        return {clock: 2 * size**3 / seconds for clock, seconds in times.items()}

    def memory(self) -> dict[str, float]:
        """Peak memory of a fit beyond its data, in bytes.

        The tiny fit and the product load what is loaded at the first use.
        """
        tiny = replace(MEMORY_ROW, samples=MEMORY_ROW.batch, features=2, hidden=(2,))
        _peers.make_estimator(self.library, tiny).fit(*_peers.make_data(tiny))
        self.matmul_rate(MEMORY_ROW.dtype, size=512)
        model = _peers.make_estimator(self.library, MEMORY_ROW)
        X, y = _peers.make_data(MEMORY_ROW)
        before = peak_memory()
        model.fit(X, y)
        return {"data": X.nbytes + y.nbytes, "fit": peak_memory() - before}

    def parts(self, row: dict[str, Any]) -> dict[str, float]:
        """Seconds of a training step of skmlp by part."""
        return _parts.profile(as_row(row))

    def optimizers(self) -> list[str]:
        """Names of skmlp's first-order optimizers."""
        from skmlp.optimizers import OPTIMIZERS

        return list(OPTIMIZERS)

    def step(self, row: dict[str, Any]) -> dict[str, float]:
        """Seconds of a training step of skmlp as a whole, without timers within it."""
        return _parts.measured(as_row(row), [])

    def move(self, row: dict[str, Any]) -> dict[str, float]:
        """Seconds of the optimizer's part of a training step of skmlp."""
        return _parts.measured(as_row(row), _parts.moves())


def as_row(fields: dict[str, Any]) -> Row:
    """Make a row of its JSON form (which turns tuples into lists)."""
    return Row(**fields | {"hidden": tuple(fields["hidden"])})


def peak_memory() -> int:
    """Return the highest resident size so far, in bytes."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Answer each request on its own line."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    threads = int(sys.argv[2]) if len(sys.argv) > 2 else None
    worker = Worker(sys.argv[1], threads)
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(worker, request.pop("do"))(**request)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
