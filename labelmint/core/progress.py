"""Progress bars: rate and time left on a terminal, a line every ten seconds in a log."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from tqdm import tqdm


class _Bar(tqdm):  # type: ignore[misc]
    """A bar; in a log each state is a line of its own."""

    @staticmethod
    def status_printer(file: IO[str]) -> Callable[[str], None]:
        """Return what prints a state."""
        if file.isatty():
            printer: Callable[[str], None] = tqdm.status_printer(file)
            return printer
        before = ""

        def print_line(text: str) -> None:
            nonlocal before
            with suppress(OSError):  # nobody may be listening
                file.write(before + text)
                file.flush()
            before = "\n"

        return print_line


def progress(total: int, what: str, unit: str, done: int = 0) -> tqdm[Any]:
    """Return a bar on standard error; `done` counts what an earlier run finished."""
    quiet = not sys.stderr.isatty()
    return _Bar(
        total=total,
        initial=done,
        desc=what,
        unit=f" {unit}",
        mininterval=10 if quiet else 0.3,
        dynamic_ncols=not quiet,
        ascii=quiet or None,
        smoothing=0.05,
        leave=True,
    )
