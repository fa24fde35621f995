"""Decode the lines of a file: encodings, byte order marks, line ends, and files that are no text."""

from __future__ import annotations

import codecs
import lzma
import re
import sys
import zlib
from collections.abc import Iterable, Iterator

from labelmint.core.contents import POINTERS, what_is
from labelmint.core.errors import DataError

UTF_8 = "utf-8-sig"  # with or without a byte order mark

# UTF-32 first: its mark begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: UTF_8,
}
STANDARD_INPUT = "standard input"
# How compressed files begin: what packs and unpacks them, and the ending of their names.
_PACKED = [
    (rb"\x1f\x8b", "gzip", "zcat", ".gz"),
    (rb"BZh[1-9]1AY&SY", "bzip2", "bzcat", ".bz2"),
    (rb"\xfd7zXZ\0", "xz", "xzcat", ".xz"),
    (rb"\x28\xb5\x2f\xfd", "zstd", "zstdcat", ".zst"),
]
# How files begin that are no lines of text: what they are, and what to do.
_NO_LINES = [
    *POINTERS,
    (rb"PAR1", "it is a Parquet file; let its name end in .parquet"),
    (rb"ARROW1|\xff\xff\xff\xff", "it is an Arrow file; let its name end in .arrow"),
    *(
        (start, f"it is compressed by {packer}; let its name end in {ending}, after .csv for example")
        for start, packer, _, ending in _PACKED
    ),
    (rb"PK\x03\x04", "it is a workbook or a zip; let a workbook's name end in .xlsx, and unpack a zip"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "it is an Office document; let a workbook's name end in .xls"),
    (rb"SQLite format 3\0", "it is an SQLite database; save its table as .csv"),
    (rb"%PDF-", "it is a PDF; save its table as .csv"),
    (rb"\x80[\x02-\x05](\x95|c|\}|\]|K|X|\()", "it is a pickle, which may run code; save it as .parquet"),
    (rb"\x93NUMPY|\x89HDF\r\n|Obj\x01|ORC[\0-\x1f]{2}", "it is a binary file; save it as .parquet or .csv"),
]
_NO_TABLES = [
    (
        rb"(?i:\s*<(!doctype\s+html|html|head|body)\b)",
        "it is a web page, not a table; download the file itself",
    ),
    (rb"\s*<\?xml\b", "it is an XML file; save its table as .csv or .jsonl"),
    (rb"\{\\rtf", "it is a document in RTF; save it as plain text"),
]


class Lines:
    """The lines of a binary stream; `number` is that of the last one that was given.

    Lines end with a line feed, or with a carriage return where the stream has no line feeds: texts may
    hold the other characters that Python takes for line ends. A byte order mark decides on the encoding.

    Errors call the stream by its `origin`, and advise `encoding_remedy` if it has another encoding. If it
    should be a `table`, a web page is an error.
    """

    def __init__(
        self,
        stream: Iterable[bytes],
        origin: str,
        encoding: str = UTF_8,
        encoding_remedy: str = "save it as UTF-8",
        *,
        table: bool = True,
    ) -> None:
        self.stream, self.origin, self.table = stream, origin, table
        self.encoding, self.encoding_remedy = encoding, encoding_remedy
        self.number = 0
        self._lines, self._returned = self._decoded(), list[str]()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._returned.pop() if self._returned else next(self._lines)
        self.number += 1
        return line

    def give_back(self, lines: list[str]) -> None:
        """Take back the lines that were read last; they are given again."""
        self._returned += reversed(lines)
        self.number -= len(lines)

    def error(self, what: str, line: int | None = None) -> DataError:
        """Return an error of a line, the last one unless given."""
        return DataError(f"{self.origin}:{self.number if line is None else line}: {what}")

    def _decoded(self) -> Iterator[str]:
        # Not line by line: in UTF-16 the byte of a line feed may be half of another character.
        decoder, first, end, pending, read = None, b"", "", "", 0
        try:
            for part in self.stream:
                if decoder is None:
                    first += part
                    if self.table and not first.strip():  # blank lines are no rows
                        continue
                    part = first
                    self.encoding = encoding_of(part, self.origin, self.encoding, table=self.table)
                    decoder = codecs.getincrementaldecoder(self.encoding)()
                text = pending + decoder.decode(part)
                end = end or _line_end(text)
                *whole, pending = text.split(end) if end else [text]
                read += len(whole)
                yield from (f"{line}\n" for line in whole)
            pending += decoder.decode(b"", final=True) if decoder else ""
        except UnicodeError:  # of UTF-16 without a byte order mark no UnicodeDecodeError
            name = "UTF-8" if self.encoding == UTF_8 else self.encoding
            raise self.error(f"not {name}; {self.encoding_remedy}", read + 1) from None
        except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise self.error(f"can't be read on ({reason}); is it whole?", read + 1) from None
        if pending:
            yield pending


def encoding_of(first: bytes, origin: str, encoding: str = UTF_8, *, table: bool = True) -> str:
    """Return the encoding of a file that begins so: that of its byte order mark, else the one that is given.

    Raise `DataError` if it is no text, or with `table` no table.
    """
    if kind := _still_packed(first, origin) or content_of(first, table=table):
        raise DataError(f"{origin}: {_of_stream(kind) if origin == STANDARD_INPUT else kind}")
    for mark, name in _MARKS.items():
        if first.startswith(mark):
            return name
    if encoding == UTF_8 and re.match(rb"([^\0]\0){2}", first):
        return "utf-16-le"
    if encoding == UTF_8 and re.match(rb"(\0[^\0]){2}", first):
        return "utf-16-be"
    return encoding


def _still_packed(first: bytes, origin: str) -> str:
    """Return what to do about compressed bytes where another name would not help; "": they are none."""
    command = next((command for start, _, command, _ in _PACKED if re.match(start, first)), "")
    if command and origin == STANDARD_INPUT:
        return f"it is compressed; decompress it first: {command} FILE | labelmint predict"
    if command and origin.lower().endswith(tuple(ending for *_, ending in _PACKED)):
        return "it is compressed twice; decompress it once"
    return ""


def _of_stream(what: str) -> str:
    """Return what to do about a stream, which has no name that could end in anything."""
    said = re.sub(r"let (?:its|a workbook's) name end in \.(\w+)", r"add --input-format \1", what)
    return re.sub("format xlsx?", "format excel", said)


def content_of(first: bytes, *, table: bool = True) -> str:
    """Return what a file is that begins so, and what to do; "": it may be lines of text."""
    kinds = [*_NO_LINES, *(_NO_TABLES if table else [])]
    return what_is(first.removeprefix(codecs.BOM_UTF8), kinds)


def _line_end(text: str) -> str:
    """Return what ends the lines of a stream that begins so; "": it doesn't show yet."""
    if "\n" in text:
        return "\n"
    return "\r" if re.search(r"\r(?!\Z)", text) else ""


def check_encoding(origin: str, encoding: str, key: str) -> None:
    """Raise `DataError` if Python can't decode lines so."""
    try:
        "a".encode(encoding)
        codecs.getincrementaldecoder(encoding)
    except (LookupError, UnicodeError, ValueError):
        raise DataError(
            f"{origin}: {key}: Python knows no encoding {encoding!r}; say cp1252, for example"
        ) from None


def note_if_utf8(parts: Iterable[bytes], origin: str, encoding: str) -> None:
    """Say so if a file is read in another encoding and is valid UTF-8: its "é" would be "Ã©"."""
    if encoding == UTF_8 or codecs.lookup(encoding).name == "utf-8":
        return
    content = b"".join(parts)
    if b"\0" in content:  # UTF-16 of English is valid UTF-8, too
        return
    try:
        text = content.decode(UTF_8)
    except UnicodeDecodeError:
        return
    if not text.isascii() and not content.startswith(codecs.BOM_UTF8):  # a mark has decided already
        others = len(text) - len(text.encode("ascii", "ignore"))
        note(
            f"{origin} is read as {encoding}, and is valid UTF-8 with {others} characters that aren't ASCII; "
            "if texts look garbled, remove `encoding` from the card"
        )


def note(what: str) -> None:
    """Print what a person may want to know, and what is no error."""
    print(f"prepare: note: {what}", file=sys.stderr)
