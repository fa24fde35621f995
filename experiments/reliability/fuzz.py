"""Broken files by the thousand: none may end in a traceback, and no row may go without a word.

Input number n of a target is made from n alone: a right file, changed in places by what files suffer in
daily life. It is read (then every row is there), or refused in one line. Run: `python -m
experiments.reliability fuzz`.
"""

from __future__ import annotations

import csv
import io
import json
import random
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from experiments.reliability.project import CARD
from labelmint.checks import check_names
from labelmint.core.config import check, parse_yaml, read_yaml
from labelmint.core.errors import LabelmintError
from labelmint.core.formulas import of_cell
from labelmint.core.params import PARAMS_PATH, Params
from labelmint.core.progress import progress
from labelmint.core.records import read_rows
from labelmint.predict.answers import Answers, Format
from labelmint.predict.items import Item, read_items
from labelmint.tasks.cards import TaskCard
from labelmint.tasks.tables import Kind, load_file, open_table

INPUTS = 100_000
_SHOWN = 5  # failures that are kept

# What breaks readers: quotes, separators, line ends, marks, numbers that are none, YAML's tags.
_PIECES = [
    *('"', '""', "'", ",", ";", "\t", "\n", "\r", "\r\n", "\0", "\ufeff", "\u2028", "\x85", "\x1a", "\x7f"),
    *("\\", "{", "}", "[", "]", ":", "-", "#", "&", "*", "!", "%", "@", "`", "|", ">", "~", "é", "漢", "😀"),
    *("null", "NaN", "1e999", "1_000", "0x1F", ".inf", "yes", "no", "true", "2024-01-31", "{}", "[]"),
    *("!!python/object:os.system", "&a", "*a", "<<:", "---", "..."),
]
_VALUES: list[Any] = [
    *(None, True, False, 0, -1, 2**70, 1e308, float("nan"), "", " ", "a\nb", "=1+1", "\ud800", "0", "1.0"),
    *([], {}, [[]], [None], {"a": {}}, {"": ""}, ["a", 1], {"negative": 0.5}, "../..", "x" * 300),
]
_CARD = {
    **CARD,
    "source": {**CARD["source"], "path": "rows.csv"},
    "unlabelled": {"path": "more.csv"},
    "excerpt": {"words": 50, "from": "start"},
    "topics": ["acting"],
    "templates": {"negative": ["Never"], "positive": ["Ever"]},
}


def run_fuzz(inputs: int = INPUTS) -> dict[str, Any]:
    """Return by target how many inputs were read and refused, and those that ended in a traceback."""
    results: dict[str, Any] = {}
    with (
        tempfile.TemporaryDirectory(prefix="labelmint-fuzz-") as name,
        progress(inputs, "fuzz", "inputs") as bar,
    ):
        for target, read in TARGETS.items():
            counts: Counter[str] = Counter(read=0, refused=0, failed=0)
            failures = []
            for number in range(inputs // len(TARGETS)):
                try:
                    read(random.Random(f"{target}:{number}"), Path(name))
                    counts["read"] += 1
                except LabelmintError:
                    counts["refused"] += 1
                except Exception as error:
                    counts["failed"] += 1
                    frame = traceback.extract_tb(error.__traceback__)[-1]
                    failures.append(f"{number}: {frame.filename}:{frame.lineno}: {error!r}"[:300])
                bar.update()
            results[target] = {**counts, "failures": failures[:_SHOWN]}
    return {"inputs": inputs // len(TARGETS) * len(TARGETS), **results}


def changed(draw: random.Random, content: bytes, times: int) -> bytes:
    """Return a file with bytes cut out, doubled, replaced and put in."""
    for _ in range(times):
        at, size = draw.randrange(len(content) + 1), draw.choice([0, 0, 1, 1, 2, 5, 40])
        piece = draw.choice(_PIECES).encode("utf-8", "surrogatepass")
        kind = draw.randrange(5)
        if kind == 0:
            piece = bytes([draw.randrange(256)])
        elif kind == 1:
            piece = content[at : at + size] * 2
        elif kind == 2:
            piece = b""
        content = content[:at] + piece + content[at + size :]
    return content


def changed_values(draw: random.Random, content: Any) -> Any:
    """Return a mapping with a few values, keys or whole parts replaced, removed or added."""
    content = json.loads(json.dumps(content))
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        place = content
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw.choice(keys)
            if isinstance(place[key], dict | list) and draw.random() < 0.7:
                place = place[key]
                continue
            value = place.pop(key)
            if isinstance(place, dict) and draw.random() < 0.8:
                new = _near(draw, value) if draw.random() < 0.6 else draw.choice(_VALUES)
                place[key if draw.random() < 0.9 else f"{key}s"] = new
            break
    return content


def _near(draw: random.Random, value: Any) -> Any:
    """Return a value that may well be right: half a number, another case, a list in another order."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | list):
        return value
    if isinstance(value, int | float):
        return draw.choice([value * 2, value + 1, value / 2, -value, value // 1, str(value)])
    if isinstance(value, str):
        return draw.choice([value, value.upper(), f"{value} ", f"{value}s", value[1:], [value]])
    return draw.choice([value, value[::-1], value * 2, value[:1], *value])


def _check_card(draw: random.Random, folder: Path) -> None:
    if draw.random() < 0.5:
        check(TaskCard, changed_values(draw, _CARD), Path("card.yaml"))
        return
    path = folder / "card.yaml"
    content = yaml.safe_dump(_CARD, sort_keys=False).encode()
    path.write_bytes(changed(draw, content, draw.choice([0, 1, 2, 5])))
    check(TaskCard, read_yaml(path), path)


def _check_params(draw: random.Random, folder: Path) -> None:
    check_names(check(Params, changed_values(draw, _shipped()), PARAMS_PATH))


@cache  # YAML is slow
def _shipped() -> Any:
    return parse_yaml(PARAMS_PATH.read_text(encoding="utf-8"))


def _text(draw: random.Random) -> str:
    """Return a text that a file of any kind can hold, with what readers trip over."""
    parts = draw.choices(["word", "a b", "…", "NA", "007", "=1", *_PIECES], k=draw.choice([1, 2, 3, 9]))
    text = "".join(parts).replace("\0", "").replace("\x1a", "").replace("\ufeff", "")
    return f"w{text}w"


def _write(draw: random.Random, kind: Kind, rows: list[dict[str, str]]) -> bytes:
    if kind == "jsonl":
        ends = draw.choice(["\n", "\r\n", "\n\n"])
        return "".join(json.dumps(row, ensure_ascii=draw.random() < 0.5) + ends for row in rows).encode()
    file = io.StringIO()
    ends = draw.choice(["\n", "\r\n"])
    quoting: Any = csv.QUOTE_ALL if kind == "tsv" or draw.random() < 0.5 else csv.QUOTE_MINIMAL
    separator = "\t" if kind == "tsv" else ","
    writer = csv.writer(file, delimiter=separator, lineterminator=ends, quoting=quoting)
    writer.writerows([list(rows[0]), *(list(row.values()) for row in rows)])
    return draw.choice([b"", b"\xef\xbb\xbf"]) + file.getvalue().encode("utf-8")


def _read_table(draw: random.Random, folder: Path) -> None:
    kind = draw.choice(_KINDS)
    rows = [
        {"text": _text(draw), "label": draw.choice(["1", "no", "NA"])} for _ in range(draw.randrange(1, 9))
    ]
    content, times = _write(draw, kind, rows), draw.choice([0, 1, 1, 3])
    path = folder / f"rows.{kind}"
    path.write_bytes(changed(draw, content, times))
    table = load_file(path, "utf-8-sig", ["text"], ["label"])
    if not times:
        assert [dict(row) for row in table.rows] == rows, f"other rows: {table.rows} for {rows}"


def _read_json_lines(draw: random.Random, folder: Path) -> None:
    path, times = folder / "rows.jsonl", draw.choice([0, 1, 3])
    rows = [{"id": f"r{at}", "text": _text(draw), "label": "a"} for at in range(draw.randrange(6))]
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.write_bytes(changed(draw, content, times))
    found = read_rows(path)
    assert times or found == rows, f"other rows: {found} for {rows}"


def _predict(draw: random.Random, folder: Path) -> None:
    """Read texts, answer each, and read the answers: as many, and the same texts."""
    kind: Kind = draw.choice([*_KINDS, "text"])
    rows = [{"text": _text(draw), "id": _text(draw)} for _ in range(draw.randrange(1, 6))]
    content = "\n".join(row["text"] for row in rows).encode() if kind == "text" else _write(draw, kind, rows)
    stream = io.BytesIO(changed(draw, content, draw.choice([0, 1, 3])))
    items = list(read_items(open_table(stream, "rows", kind, ["text", "id"]), "text", "text_pair"))
    form: Format = draw.choice(["jsonl", "csv", "text"])
    sink = io.BytesIO()
    answers = Answers(sink, form, ["negative", "positive"], draw.choice([0.0, 0.6]))
    for item in items:
        answers.write(item, None if item.blank else [0.9, 0.1])
    assert _answered(sink.getvalue().decode(), form) == [_shown(item, form) for item in items], (
        "other answers"
    )


def _answered(content: str, form: Format) -> list[Any]:
    if form == "text":
        return content.split("\n")[:-1]
    if form == "jsonl":
        return [json.loads(line)["text"] for line in content.split("\n")[:-1]]
    return [of_cell(row["text"]) for row in csv.DictReader(io.StringIO(content, newline=""))]


def _shown(item: Item, form: Format) -> str:
    if form == "text":
        return "negative" if not item.blank else ""
    # Half characters become "?" in CSV.
    return item.text if form == "jsonl" else item.text.encode("utf-8", "replace").decode()


_KINDS: list[Kind] = ["csv", "tsv", "jsonl"]
TARGETS: dict[str, Callable[[random.Random, Path], None]] = {
    "card": _check_card,
    "params": _check_params,
    "tables": _read_table,
    "json_lines": _read_json_lines,
    "predict": _predict,
}
