"""Progress bars: rate and time left on a terminal, a line every ten seconds in a log."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


def progress(total: int, what: str, unit: str, done: int = 0) -> tqdm[Any]:
    """Return a bar on standard error; `done` counts what an earlier run finished."""
    quiet = not sys.stderr.isatty()
    return tqdm(
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
