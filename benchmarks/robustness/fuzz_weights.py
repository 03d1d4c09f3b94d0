"""Feed damaged files to `load_weights`: each has to be read, or refused by a ValueError.

Run `python benchmarks/robustness/fuzz_weights.py --seconds 60`. Valid files of each format are
changed at random: bits, bytes and numbers in them; or what they say, in archives that are
otherwise in order, so that it is met by the checks behind those of the format. A file that
leads to lines of the reader that no file has led to before is changed further in its turn. A
refused file has to leave the estimator as it was, and one that is read has to predict.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import io
import pickle
import random
import resource
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmlp import MLPClassifier, MLPRegressor
from skmlp.estimators import state, weights
from skmlp.estimators.storage import files, trees

X: NDArray[Any] = np.random.RandomState(0).standard_normal((30, 4))

#: The modules whose lines guide the search.
WATCHED = frozenset(str(module.__file__) for module in (files, trees, weights, state))

#: What numbers of sizes, shapes and versions are replaced by.
EDGES = (0, 1, 2, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)

#: What values in a tree are replaced by.
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 3, 10**9, 2**63, 10**400, 0.5, -0.0, float("inf"), float("nan")),
    *("", "relu", "prelu", "standard", "transformer", "float32", "object", "multilabel", "\ud800"),
    *([], [[]], (), {}, {"": 0}, [7] * 40, ["relu", 3], [0.5, 0.5]),
    *(np.zeros(0), np.zeros((0, 9)), np.zeros((4, 3)), np.float32(2), np.array("a"), np.arange(3)),
    *(np.array([np.nan] * 3), np.array(["b", "a"]), np.array(["a", 1], dtype=object)),
)


# -- where files come from -----------------------------------------------------------


def originals(folder: Path) -> list[bytes]:
    """Return valid files of several estimators, in each format that is installed."""
    suffixes = [".npz", *([".safetensors"] if find_spec("safetensors") else [])]
    contents = []
    for i, estimator in enumerate(fitted()):
        for suffix in suffixes:
            path = folder / f"{i}{suffix}"
            estimator.save_weights(path)
            contents.append(path.read_bytes())
    return contents


def fitted() -> list[Any]:
    """Return small estimators that between them have all that a file can hold."""
    names = np.array(["no", "perhaps", "yes"])[np.arange(len(X)) % 3]
    small: dict[str, Any] = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}
    return [
        MLPClassifier(**small, feature_scaling="smooth_clip", batch_norm=True).fit(X, names),
        MLPClassifier(**small, activation="prelu").fit(X, names.astype(object)),
        MLPClassifier(**small).fit(X, np.c_[names, names == "no"]),
        MLPRegressor(**small, target_scaling="standard", output_range=(-9, 9), layer_norm=True).fit(
            X, X[:, :2]
        ),
    ]


# -- mutations -----------------------------------------------------------------------


def flipped(data: bytes, rng: random.Random) -> bytes:
    """Flip a bit."""
    changed = bytearray(data)
    changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(data: bytes, rng: random.Random) -> bytes:
    """Leave out some bytes; often those at the end."""
    first = rng.randrange(len(data))
    last = len(data) if rng.random() < 0.5 else min(first + rng.randrange(1, 64), len(data))
    return data[:first] + data[last:]


def inserted(data: bytes, rng: random.Random) -> bytes:
    """Insert some bytes, random or from elsewhere in the file."""
    here, there, n = rng.randrange(len(data)), rng.randrange(len(data)), rng.randrange(1, 64)
    extra = rng.randbytes(n) if rng.random() < 0.5 else data[there : there + n]
    return data[:here] + extra + data[here:]


def renumbered(data: bytes, rng: random.Random) -> bytes:
    """Overwrite a binary number."""
    size, here = rng.choice((1, 2, 4, 8)), rng.randrange(len(data))
    number = (rng.choice(EDGES) % 256**size).to_bytes(size, "little")
    return data[:here] + number + data[here + size :]


def respelt(data: bytes, rng: random.Random) -> bytes:
    """Overwrite a character of text by another one that text has."""
    here = rng.randrange(len(data))
    found = next((i for i in range(here, len(data)) if 32 <= data[i] < 127), here)
    other = rng.choice([*b'0123456789{}[]",:.-eE<>|fOV'])
    return data[:found] + other.to_bytes() + data[found + 1 :]


def restructured(data: bytes, rng: random.Random) -> bytes:
    """Change the text of a valid file and its arrays, and put them in order again."""
    text, arrays = parts(data)
    while True:
        change = rng.choice((flipped, cut, inserted, respelt))
        text = change(text or b"{}", rng)
        if rng.random() < 0.3 and arrays:
            name = rng.choice(list(arrays))
            shape = (rng.randrange(5), rng.randrange(5))
            arrays[name] = np.ones(shape, rng.choice("?bBhHiIqQefdU"))
        if rng.random() < 0.6:
            return as_npz(text, arrays)


def replanted(data: bytes, rng: random.Random) -> bytes:
    """Change the tree of a valid file, and write it as it should be."""
    text, arrays = parts(data)
    tree = trees.put_together(text, arrays)
    while True:
        tree = _replanted(tree, rng)
        if rng.random() < 0.6:
            return as_npz(*trees.taken_apart(tree))


def _replanted(node: Any, rng: random.Random) -> Any:
    """Change something in a tree: itself, or more often something in it."""
    if not isinstance(node, dict | list) or not node or rng.random() < 0.05:
        return rng.choice(VALUES)
    copy: Any = node.copy()
    keys = list(copy) if isinstance(copy, dict) else range(len(copy))
    key, action = rng.choice(keys), rng.random()
    if action < 0.1:
        del copy[key]
    elif action < 0.2 and isinstance(copy, dict):
        copy[rng.choice(("", "extra", rng.choice(keys)))] = copy[key]
    elif action < 0.2:
        copy.append(copy[key])
    else:
        copy[key] = _replanted(copy[key], rng)
    return copy


def parts(data: bytes) -> tuple[bytes, trees.Arrays]:
    """Return text and arrays of a file that is in order; of another one, next to nothing."""
    try:
        file = io.BytesIO(data)
        text, arrays = files._reader(file)(file)  # noqa: SLF001 (its parts are fuzzed)
        trees.put_together(text, arrays)
    except Exception:  # whatever it is, the file is of no use here
        return b'{"format":1,"tree":null}', {}
    return encoded(text), arrays


def encoded(text: str | bytes) -> bytes:
    """Return a text as bytes, if it is not."""
    return text.encode() if isinstance(text, str) else text


def as_npz(text: str | bytes, arrays: trees.Arrays) -> bytes:
    """Return an archive with any text."""
    file = io.BytesIO()
    members: dict[str, Any] = {files.TREE: np.frombuffer(encoded(text), np.uint8), **arrays}
    np.savez(file, **members)
    return file.getvalue()


MUTATIONS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "bit": flipped,
    "cut": cut,
    "insert": inserted,
    "number": renumbered,
    "character": respelt,
    "structure": restructured,
    "tree": replanted,
}


# -- what has to hold ----------------------------------------------------------------


class Lines:
    """The lines of the watched modules that run, and those that ever ran."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, int]] = set()
        self._now: set[tuple[str, int]] = set()

    def __enter__(self) -> Lines:
        self._now = set()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self._line if frame.f_code.co_filename in WATCHED else None

    def _line(self, frame: FrameType, event: str, arg: Any) -> Any:
        self._now.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line

    def news(self) -> bool:
        """Tell whether a line ran that never had."""
        news = not self._now <= self.seen
        self.seen |= self._now
        return news


def fingerprint(estimator: Any) -> bytes:
    """Return what changes if anything of an estimator does."""
    return hashlib.blake2b(pickle.dumps(estimator)).digest()


def outcome(pickled: bytes, before: bytes, path: Path) -> str:
    """Load a file into an estimator, given its pickle and fingerprint; return what came of it.

    Raises
    ------
    AssertionError
        If a refused file has changed the estimator.
    """
    estimator = pickle.loads(pickled)  # noqa: S301 (our own)
    try:
        estimator.load_weights(path)
    except ValueError as error:
        if fingerprint(estimator) != before:
            raise AssertionError("the estimator has changed") from error
        return "refused as a file" if str(path) in str(error) else "refused as weights"
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        if hasattr(estimator, method):
            getattr(estimator, method)(X)
    return "read"


def attempt(data: bytes, path: Path) -> list[str]:
    """Load some bytes into estimators of each kind, fitted and not; return the outcomes.

    What cannot be read at all concerns them alike: one, a fitted one, is asked.
    """
    path.write_bytes(data)
    try:
        files.read(path)
    except ValueError:
        return [outcome(*KNOWN[-1], path)]
    return [outcome(*one, path) for one in KNOWN]


def known() -> list[tuple[bytes, bytes]]:
    """Return estimators to load into, as pickles, and their fingerprints."""
    estimators = [MLPClassifier(), MLPRegressor(), *fitted()[::3]]
    again = [pickle.loads(pickle.dumps(estimator)) for estimator in estimators]  # noqa: S301
    return [(pickle.dumps(estimator), fingerprint(estimator)) for estimator in again]


# -- the search ----------------------------------------------------------------------


def fuzz(seconds: float, seed: int, folder: Path) -> None:
    """Search for so long, and print what happened."""
    rng, lines = random.Random(seed), Lines()  # noqa: S311 (nothing is kept secret)
    counts, by_mutation = Counter[str](), Counter[str]()
    corpus, path = originals(folder), folder / "input"
    memory, start = peak_memory(), time.perf_counter()
    while time.perf_counter() - start < seconds:
        name = rng.choice(list(MUTATIONS))
        data = MUTATIONS[name](rng.choice(corpus), rng)
        with lines:
            counts.update(attempt(data, path))
        by_mutation[name] += 1
        if lines.news():
            corpus.append(data)
    report(counts, by_mutation, len(corpus), len(lines.seen), peak_memory() - memory)


def report(
    counts: Counter[str], by_mutation: Counter[str], n_corpus: int, n_lines: int, memory: float
) -> None:
    """Print the counts."""
    print(f"{by_mutation.total()} files, {counts.total()} calls of load_weights")
    print("files by mutation:", dict(sorted(by_mutation.items())))
    print("outcomes:", dict(sorted(counts.items())))
    print(f"{n_corpus} files in the corpus, {n_lines} lines of the reader and its checks reached")
    print(f"memory grew by {memory:.0f} MB")


def peak_memory() -> float:
    """Return the largest resident set so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Read the arguments and search; leave the file behind that something came of."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    print("seed", seed)
    faulthandler.enable()
    folder = Path(tempfile.mkdtemp(prefix="fuzz-weights-"))
    print("the file under test is", folder / "input")
    fuzz(options.seconds, seed, folder)
    shutil.rmtree(folder)


warnings.simplefilter("ignore")  # the estimators are hardly trained
KNOWN = known()

if __name__ == "__main__":
    main()
