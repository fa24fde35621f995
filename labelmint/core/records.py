"""Row types shared by the stages, and JSON Lines that are either whole or not there at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, NotRequired, TypedDict, get_origin, get_type_hints

from labelmint.core.errors import DataError
from labelmint.core.files import atomic_file

# Of the stages' metrics: raise it when a key changes its name or meaning, and say so in
# docs/reference/metrics.md.
SCHEMA_VERSION = 1
# Not nothing: DVC warns of each empty file at each run.
_NO_ROWS = "\n"
_REMEDY = "delete the file, and run `dvc repro`"


class Input(TypedDict):
    """A text without its label (the test inputs); in tasks of text pairs `text_pair` is the second text."""

    id: str
    text: str
    text_pair: NotRequired[str]


class Labelled(Input):
    """A text with the name of its label (see the task card)."""

    label: str


class TestLabel(TypedDict):
    """The label of a test input; read by `evaluate` alone."""

    id: str
    label: str


class ArmRow(Labelled):
    """A training row of an arm; `source` is "real", "synthetic" or "unlabelled".

    The label of an unclear row is "": a made row with a clear one only without some fold of the real rows.
    """

    source: str
    fold: NotRequired[int]  # of a real row
    fold_labels: NotRequired[list[str]]  # of a row that was labelled by scorers; see JudgedLabel
    weight: NotRequired[float]  # how much it counts in training; 1 if missing


class Fact(TypedDict):
    """A row of the card's table of facts: its cells by column; `label` is "" if it suits every label."""

    label: str
    values: dict[str, str]


class Prompt(TypedDict):
    """One distinct prompt, stored once; `text` is exactly what the model was given."""

    id: str
    label: str
    text: str
    demonstration_ids: list[str]
    method: str
    values: dict[str, str]  # what the method drew: topic, persona …


class Idea(TypedDict):
    """A value that methods draw from; `label` is "" if it suits every label.

    `lists` counts the model's lists that name it; 0: it is the task card's.
    """

    kind: str
    label: str
    value: str
    lists: int


class Candidate(Labelled):
    """A text as the LLM wrote it, for the label that was drawn first.

    With `generate.order: text_first` the label is the one that the model said, or "" if it said none.
    """

    prompt_id: str
    demonstration_ids: list[str]
    method: str
    values: dict[str, str]
    seed: int
    tokens: int
    finish_reason: str  # "stop": the answer ended; "length": max_new_tokens were spent


class Profile(TypedDict, total=False):
    """How a kept row is learnt, with `filter.profile`: easy, ambiguous or hard.

    `confidence` and `variability` are mean and standard deviation of its label's probability over the epochs.
    """

    profile: str
    confidence: float
    variability: float


class JudgedLabel(TypedDict):
    """What a text was found to be.

    `fold_labels` are the labels that it is given by scorers which were fitted without each fold of the real
    rows, "" if none is clear; missing where all are `judged_label`.
    """

    judged_label: str
    fold_labels: NotRequired[list[str]]


class Kept(Candidate, Profile, JudgedLabel):
    """A candidate that passed; `label` is what it was written for."""

    label_scores: dict[str, float] | None  # centred log-probabilities by label; None if not scored


class LabelledText(Input, JudgedLabel):
    """A text that came without a label and was given one."""

    label_scores: dict[str, float]  # log-probabilities by label


class RejectedText(Input):
    """A text that came without a label and is not used: the first rule that it broke, and the evidence."""

    rule: str
    evidence: dict[str, Any]
    label_scores: dict[str, float] | None
    fold_labels: NotRequired[list[str]]  # as in JudgedLabel, if it is rejected for its label and one is clear


class Rejected(Candidate, RejectedText):
    """A candidate that did not pass."""


class Prediction(TypedDict):
    """An arm's prediction of one test input: probabilities by label name."""

    seed: int
    id: str
    probabilities: dict[str, float]


def texts_of(row: Input) -> tuple[str, ...]:
    """Return the row's text, or both texts of a pair."""
    return (row["text"], row["text_pair"]) if "text_pair" in row else (row["text"],)


def input_of(row: Input) -> Input:
    """Return the row without its label and whatever else it has."""
    bare = Input(id=row["id"], text=row["text"])
    if "text_pair" in row:
        bare["text_pair"] = row["text_pair"]
    return bare


def without_surrogates(text: str) -> str:
    """Return the text with "?" for lone surrogates, which JSON can hold, and UTF-8 and tokenizers can't."""
    return text.encode("utf-8", "replace").decode("utf-8")


def dump(row: Mapping[str, Any]) -> str:
    """Return a row as one line of JSON; NaN is an error, lone surrogates survive."""
    text = json.dumps(row, ensure_ascii=False, allow_nan=False)
    return text if text == without_surrogates(text) else json.dumps(row, allow_nan=False)


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write JSON Lines atomically, of no rows an empty line; return the number of rows."""
    count = 0
    with atomic_file(path) as file:
        for row in rows:
            file.write(dump(row) + "\n")
            count += 1
        if not count:
            file.write(_NO_ROWS)
    return count


def read_rows(path: Path, kind: Any = None) -> list[Any]:
    """Read JSON Lines of a row type; raise `DataError` naming the file and line of the first broken one."""
    rows = []
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    # Some programs on Windows begin a file with a byte order mark.
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                    if text != _NO_ROWS or number > 1:
                        rows.append(_checked(json.loads(text), kind))
                except UnicodeDecodeError:
                    raise DataError(f"{path}:{number}: not UTF-8; {_REMEDY}") from None
                except json.JSONDecodeError as error:
                    raise DataError(f"{path}:{number}: not valid JSON: {error.msg}; {_REMEDY}") from None
                except (TypeError, ValueError, RecursionError) as error:
                    raise DataError(f"{path}:{number}: {error}; {_REMEDY}") from None
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; run `dvc repro`") from None
    return rows


def _checked(row: Any, kind: Any) -> Any:
    """Return a row if it has what its type requires, else raise `TypeError` with the key."""
    if not isinstance(row, dict):
        raise TypeError("not a JSON object")
    for key, wanted in _required(kind).items() if kind else ():
        if key not in row:
            raise TypeError(f"{key!r} is missing")
        if not isinstance(row[key], wanted):
            raise TypeError(f"{key!r} is of the wrong type ({type(row[key]).__name__})")
    return row


@cache
def _required(kind: Any) -> dict[str, type]:
    """Return the keys that a row type requires, with the classes of their values."""
    hints = get_type_hints(kind, include_extras=True)
    origins = {key: get_origin(hints[key]) or hints[key] for key in kind.__required_keys__}
    return {
        key: each if isinstance(each, type) and each is not UnionType else object
        for key, each in origins.items()
        if each is not NotRequired
    }


def read_json(path: Path) -> Any:
    """Read a file that holds a JSON object; None if there is none. Raise `DataError` if it is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise ValueError("not a JSON object")
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: damaged ({error}); {_REMEDY}") from None
    return content


def write_metrics(path: Path, content: Mapping[str, Any]) -> None:
    """Write a stage's metrics, with the version of their keys."""
    write_json(path, {"schema_version": SCHEMA_VERSION, **content})


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON atomically; NaN is an error, because DVC can't compare it."""
    with atomic_file(path) as file:
        json.dump(content, file, indent=2, ensure_ascii=False, allow_nan=False)
        file.write("\n")
