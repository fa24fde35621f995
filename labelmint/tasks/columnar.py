"""Read Parquet files, Arrow files and workbooks, row by row."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

from labelmint.core.errors import DataError
from labelmint.tasks.lines import content_of

Row = dict[str, Any]
Rows = tuple[list[str], Iterator[tuple[int, Row]]]  # the columns, and the rows with their numbers

_BATCH_ROWS = 4096


def arrow_rows(stream: IO[bytes], origin: str, wanted: Sequence[str], *, parquet: bool) -> Rows:
    """Return all columns of a Parquet or Arrow file, and its rows with the wanted ones, numbered from 1."""
    # `labelmint --help` imports this module, and need not wait for it.
    import pyarrow as pa

    kind = "Parquet" if parquet else "Arrow"

    def read() -> Iterator[Any]:
        """Yield the columns' names, then the rows of each batch."""
        try:
            yield from (_parquet if parquet else _arrow)(stream, wanted)
        # A value that Python can't hold is a ValueError; damaged lengths end in the last two.
        except (pa.ArrowException, OSError, ValueError, MemoryError, SystemError) as error:
            what = f"not a valid {kind} file: {' '.join(str(error).split())}"
            other = content_of(first)
            if other and f" {kind} file" not in other:
                what = other
            raise DataError(f"{origin}: {what}") from None

    first = stream.peek(64) if isinstance(stream, io.BufferedReader) else b""
    parts = read()
    columns: list[str] = next(parts)
    for name in wanted:
        if columns.count(name) > 1:
            raise DataError(f"{origin}: two columns are named {name!r}; rename one")
    return columns, enumerate((row for rows in parts for row in rows), 1)


def _parquet(stream: IO[bytes], wanted: Sequence[str]) -> Iterator[Any]:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(_seekable(stream))
    names = list(file.schema_arrow.names)
    yield names
    for batch in file.iter_batches(_BATCH_ROWS, columns=[name for name in wanted if name in names]):
        yield batch.to_pylist()


def _arrow(stream: IO[bytes], wanted: Sequence[str]) -> Iterator[Any]:
    import pyarrow as pa

    source = _seekable(stream)
    magic = source.read(6)
    source.seek(0)
    if magic == b"ARROW1":
        file = pa.ipc.open_file(source)
        names, batches = file.schema.names, map(file.get_batch, range(file.num_record_batches))
    else:
        batches = pa.ipc.open_stream(source)
        names = batches.schema.names
    yield list(names)
    for batch in batches:
        yield batch.select([name for name in wanted if name in names]).to_pylist()


def _seekable(stream: IO[bytes]) -> IO[bytes]:
    return stream if stream.seekable() else io.BytesIO(stream.read())


def workbook_rows(stream: IO[bytes], origin: str, as_text: Callable[[Any], str]) -> Rows:
    """Return the columns and rows of a workbook's only sheet; the rows have the sheet's numbers.

    `as_text` writes cells that are numbers, dates or truth values.
    """
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    content = stream.read()
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = {
            sheet.name: workbook.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)
            for sheet in workbook.sheets_metadata
            if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet
        }
    except CalamineError as error:
        what = f"not a valid workbook: {' '.join(str(error).split())}; is it whole?"
        if content[:2] not in (b"PK", b"\xd0\xcf"):
            what = content_of(content[:64]) or what
        raise DataError(f"{origin}: {what}") from None
    filled = {name: rows for name, rows in sheets.items() if any(map(any, rows))}
    if len(filled) > 1:
        raise DataError(
            f"{origin}: several sheets have rows ({', '.join(filled)}); save the one with the texts alone"
        )
    numbered = enumerate(next(iter(filled.values()), []), 1)
    rows = [(number, texts) for number, row in numbered if any(texts := [as_text(cell) for cell in row])]
    if not rows:
        return [], iter(())
    header, columns = rows[0]
    for name in columns:
        if name and columns.count(name) > 1:
            raise DataError(f"{origin}, row {header}: two columns are named {name!r}; rename one")
    return columns, ((number, dict(zip(columns, texts, strict=True))) for number, texts in rows[1:])
