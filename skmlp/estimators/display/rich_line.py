"""The line with a bar, by rich."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress_bar import ProgressBar

from skmlp.estimators.display.plain_line import PlainLine

#: The widest and the narrowest bar.
WIDEST, NARROWEST = 20, 5


class RichLine(PlainLine):
    """Write a bar before the text if there is room for one."""

    def __init__(self) -> None:
        super().__init__()
        # The stream has been found to be a terminal; rich asks the environment as well.
        self._console = Console(file=sys.stdout, force_terminal=True)
        # An old console of Windows shows codes of colours as they are.
        self._width = 0 if self._console.legacy_windows else WIDEST

    def _picture(self, fields: Sequence[str], done: float, columns: int) -> tuple[str, int]:
        """Return the line, and how many columns it takes."""
        text, width = super()._picture(fields, done, columns)
        self._width = min(self._width, columns - width - 1)  # it never grows, to stand still
        if self._width < NARROWEST:
            return text, width
        return f"{self._bar(done)} {text}", self._width + 1 + width

    def _bar(self, done: float) -> str:
        """Return a bar with its colours."""
        with self._console.capture() as captured:
            bar = ProgressBar(total=1.0, completed=done, width=self._width)
            self._console.print(bar, end="")
        return captured.get().rstrip("\n")
