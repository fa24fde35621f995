"""Search for files that break the readers, guided by the code that each input reaches (libFuzzer by atheris).

Install atheris first (`pip install atheris`). Run: `python -m experiments.reliability.guided FOLDER
-max_total_time=3600`; the folder keeps inputs that reached new code, at first a right file of each kind.
An input is the number of its kind in `KINDS` and the file's bytes. One that ends in a traceback is written to
crash-* in the working directory.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["labelmint"]):
    from labelmint.core.config import check, read_yaml
    from labelmint.core.errors import LabelmintError
    from labelmint.core.params import PARAMS_PATH, Params
    from labelmint.core.records import read_rows
    from labelmint.predict.items import read_items
    from labelmint.tasks.cards import TaskCard, card_path
    from labelmint.tasks.tables import Kind, load_file, open_table

CSV = b'id,text,label\n1,"a ""b"", c",pos\n2,d e,neg\n'
JSONL = b'{"text": "a", "label": "x", "id": 1}\n{"text": "b", "label": "y", "id": 2}\n'
TSV = CSV.replace(b",", b"\t")


def _table(path: Path) -> None:
    load_file(path, "utf-8-sig", ["text"], ["label"])


def _predicted(kind: Kind) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        table = open_table(io.BytesIO(path.read_bytes()), "rows", kind, ["text", "id"])
        list(read_items(table, "text", "text_pair"))

    return read


# By the file's name: who reads it, and a right file to begin with, of binary ones the first bytes alone.
KINDS: dict[str, tuple[Callable[[Path], object], bytes]] = {
    "a.csv": (_table, CSV),
    "a.tsv": (_table, TSV),
    "a.jsonl": (_table, JSONL),
    "a.json": (_table, b'[{"text": "a", "label": 1}]'),
    "a.parquet": (_table, b"PAR1"),
    "a.arrow": (_table, b"ARROW1"),
    "a.xlsx": (_table, b"PK\x03\x04"),
    "a.csv.gz": (_table, b"\x1f\x8b"),
    "rows.jsonl": (read_rows, JSONL),
    "card.yaml": (lambda path: check(TaskCard, read_yaml(path), path), card_path("imdb").read_bytes()),
    "params.yaml": (lambda path: check(Params, read_yaml(path), path), PARAMS_PATH.read_bytes()),
    "b.csv": (_predicted("csv"), CSV),
    "b.tsv": (_predicted("tsv"), TSV),
    "b.jsonl": (_predicted("jsonl"), JSONL),
    "b.txt": (_predicted("text"), b"one\ntwo\n"),
}
FOLDER = Path(tempfile.mkdtemp(prefix="labelmint-guided-"))


def read_one(data: bytes) -> None:
    """Read a file; an error that tells the user what is wrong is right."""
    name = list(KINDS)[data[0] % len(KINDS)] if data else "a.csv"
    (FOLDER / name).write_bytes(data[1:])
    with suppress(LabelmintError):
        KINDS[name][0](FOLDER / name)


if __name__ == "__main__":
    for number, (name, (_, content)) in enumerate(KINDS.items()):
        (Path(sys.argv[1]) / name).write_bytes(bytes([number]) + content)
    atheris.Setup(sys.argv, read_one)
    atheris.Fuzz()
