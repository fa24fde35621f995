"""`labelmint compare`: read both sides, and print them as text or as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from labelmint.compare.revisions import find
from labelmint.compare.runs import read_run
from labelmint.compare.tables import Comparison, Table, compare
from labelmint.core.quoting import aligned, one_line
from labelmint.report.page import plain

Format = Literal["text", "markdown"]
# Of a note, which names several arms; cells are shorter.
_LONGEST = 1000


def print_comparison(base: str, head: str, form: Format) -> None:
    """Print what two commits, experiments or the workspace scored, and whether that is more than noise."""
    comparison = compare(read_run(find(base)), read_run(find(head)))
    print(as_markdown(comparison) if form == "markdown" else as_text(comparison))


def as_text(comparison: Comparison) -> str:
    """Return tables of aligned columns."""
    blocks = [[_shown(line) for line in (comparison.title, *comparison.notes)]]
    for table in comparison.tables:
        lines = [[_shown(cell) for cell in line] for line in (table.columns, *table.rows)]
        blocks.append([_shown(table.title), *(f"  {line}" for line in aligned(lines))])
    return "\n\n".join("\n".join(block) for block in blocks)


def as_markdown(comparison: Comparison) -> str:
    """Return Markdown; names and settings can't make mark-up."""
    blocks = [[f"### {_marked(comparison.title)}"]]
    blocks += [[f"- {_marked(note)}" for note in comparison.notes]] if comparison.notes else []
    blocks += [[f"**{_marked(table.title)}**", "", *_piped(table)] for table in comparison.tables]
    return "\n\n".join("\n".join(block) for block in blocks)


def _piped(table: Table) -> Iterator[str]:
    yield _row(table.columns)
    yield f"|---|{'--:|' * (len(table.columns) - 1)}"
    yield from map(_row, table.rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_marked, cells))} |"


def _shown(text: str) -> str:
    """Return a text without control characters: another commit's files may hold anything."""
    return one_line(text, _LONGEST)


def _marked(text: str) -> str:
    return plain(_shown(text))
