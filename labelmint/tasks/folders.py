"""Read folders of .txt files, one sub-folder per label."""

from __future__ import annotations

from pathlib import Path

from labelmint.tasks.lines import check_encoding, encoding_of, note, note_if_utf8
from labelmint.tasks.tables import LABEL, TEXT, Table


def text_files(folder: Path) -> list[Path]:
    """Return the texts of a folder, in the order of their labels and names."""
    files = (path for path in folder.glob("*/*") if path.suffix.lower() == ".txt" and path.is_file())
    return sorted(files, key=lambda path: path.parts[-2:])


def load_folder(folder: Path, encoding: str) -> Table:
    """Read the texts of a folder; say which files are none, or are damaged."""
    check_encoding(str(folder), encoding, "source.encoding")
    files = text_files(folder)
    contents = [path.read_bytes() for path in files]
    rows = [
        {TEXT: _decoded(content, path, encoding), LABEL: path.parent.name}
        for path, content in zip(files, contents, strict=True)
    ]
    note_if_utf8(contents, str(folder), encoding)
    damaged = [path for path, row in zip(files, rows, strict=True) if "\ufffd" in row[TEXT]]
    if damaged:
        note(
            f"{len(damaged)} of {len(files)} files in {folder} aren't wholly "
            f"{encoding.removesuffix('-sig')} (the first is {damaged[0].relative_to(folder)}); their wrong "
            "bytes are read as \ufffd. If there are many, set source.encoding"
        )
    inside = (
        path.relative_to(folder) for path in sorted(set(folder.rglob("*")) - set(files)) if path.is_file()
    )
    others = [path for path in inside if not any(part.startswith(".") for part in path.parts)]
    if others:
        note(
            f"{len(others)} files in {folder} are left out, because only <label>/<name>.txt is a text "
            f"(the first is {others[0]})"
        )
    return Table(str(folder), [TEXT, LABEL], rows, list(map(str, files)))


def _decoded(content: bytes, path: Path, encoding: str) -> str:
    encoding = encoding_of(content[:256], str(path), encoding, table=False)
    return content.decode(encoding, errors="replace")
