"""The line in plain text, for any terminal and for notebooks."""

import shutil
import sys
from collections.abc import Iterable, Sequence
from threading import RLock
from typing import Any

from skmlp.estimators.display.line import Line, cut

#: What a terminal shows when the user presses Ctrl-C.
ECHO = "^C"


class PlainLine(Line):
    r"""Return to the beginning of the line by ``\r`` and write over it.

    Meanwhile what others write to standard output or error goes where the line was,
    and the line comes back below.

    Attributes
    ----------
    lock : RLock
        Is held by who writes.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self._stream: Any = sys.stdout
        self._visible = 0
        self._whole = True  # nobody else left half a line behind
        self._originals: dict[str, Any] = {}

    def begin(self) -> None:
        """Put ourselves between other writers and the screen."""
        for name in ("stdout", "stderr"):
            self._originals[name] = stream = getattr(sys, name)
            if stream is not None:
                setattr(sys, name, _Polite(stream, self))

    def show(self, fields: Sequence[str], done: float) -> None:
        """Write the line in place of the last one."""
        picture, width = self._picture(fields, done, max(1, _columns() - len(ECHO)))
        with self.lock:
            start = self._wiped() if self._whole else "\n"
            self._write(f"{start}{picture}")
            self._visible, self._whole = width, True

    def leave(self) -> None:
        """Go on below the line."""
        with self.lock:
            self._visible = 0
            self._write("\n")

    def end(self) -> None:
        """Put back the streams, unless somebody has put theirs there."""
        for name, stream in self._originals.items():
            if getattr(getattr(sys, name), "line", None) is self:
                setattr(sys, name, stream)

    def make_room(self, text: str) -> None:
        """Wipe the line out before somebody else, who holds the lock, writes."""
        if self._visible:
            self._write(self._wiped())
            self._visible = 0
        self._whole = text.endswith("\n")

    def _picture(self, fields: Sequence[str], done: float, columns: int) -> tuple[str, int]:
        """Return the line, and how many columns it takes."""
        text = cut(fields, columns)
        return text, len(text)

    def _wiped(self) -> str:
        """Return what wipes out the visible line, and the echo behind it."""
        return f"\r{' ' * min(self._visible + len(ECHO), _columns())}\r"

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class _Polite:
    """A stream that makes room before it writes."""

    def __init__(self, stream: Any, line: PlainLine) -> None:
        self._stream, self.line = stream, line

    def write(self, text: str) -> Any:
        """Write a text."""
        with self.line.lock:
            if text:
                self.line.make_room(text)
            return self._stream.write(text)

    def writelines(self, texts: Iterable[str]) -> None:
        """Write several texts."""
        for text in texts:
            self.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _columns() -> int:
    """Return how much fits into a line; a last column that is full might break it."""
    return max(1, shutil.get_terminal_size().columns - 1)
