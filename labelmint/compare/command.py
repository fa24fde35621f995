"""`labelmint compare`: read both sides, and print them side by side."""

from __future__ import annotations

from typing import Literal

from labelmint.compare.render import as_markdown, as_text
from labelmint.compare.revisions import find
from labelmint.compare.runs import read_run
from labelmint.compare.tables import compare
from labelmint.core.errors import DataError

Format = Literal["text", "markdown"]


def print_comparison(base: str, head: str, form: Format) -> None:
    """Print what two commits, experiments or the workspace scored, and whether that is more than noise."""
    one, other = read_run(find(base)), read_run(find(head))
    try:
        comparison = compare(one, other)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if all("schema_version" in run.evaluate for run in (one, other)):
            raise
        # What was written before there were versions may have any keys.
        raise DataError(
            f"{base} or {head}: metrics of another form, without schema_version ({error!r})"
        ) from error
    print(as_markdown(comparison) if form == "markdown" else as_text(comparison))
