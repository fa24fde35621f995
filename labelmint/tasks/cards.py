"""Task cards: what is classified, how prompts name the labels, where the real rows come from."""

from __future__ import annotations

import difflib
import re
import unicodedata
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from labelmint.core import paths
from labelmint.core.config import Section, check, read_yaml
from labelmint.core.errors import ParamsError
from labelmint.core.records import Input
from labelmint.core.slots import has_stray_brace, slots
from labelmint.core.words import fold

_SPACES = re.compile(r"[ \t\n\r\f\v\x85\u2028\u2029]+")


def _line(text: str) -> str:
    """Join lines, as `>` in YAML leaves them, and runs of spaces by single spaces."""
    line = _SPACES.sub(" ", text).strip()
    odd = next((char for char in line if unicodedata.category(char) in ("Cc", "Cs")), None)
    if odd or not fold(line):
        raise ValueError(
            f"holds the control character {odd!a}; remove it" if odd else "is empty; give it a text"
        )
    return line


def _path(name: str) -> str:
    """Replace a leading ~; refuse addresses."""
    if "://" in name:
        raise ValueError(f"{name} is an address; download the file, and give its path")
    return str(Path(name).expanduser()) if name.startswith("~/") else name


# Prompts and many files have one line for it.
Line = Annotated[str, AfterValidator(_line)]
Lines = Annotated[list[Line], Field(min_length=1)]
Column = Annotated[str, Field(min_length=1)]
# In the user's home, if it begins so.
FilePath = Annotated[str, AfterValidator(_path)]
# One value, or several.
Values = Annotated[list[str], BeforeValidator(lambda value: value if isinstance(value, list) else [value])]


class Label(Section):
    """One label: `name` in every file and metric, `phrase` in prompts ("Write one <phrase> <text_name>")."""

    name: Line
    phrase: Line


class Source(Section):
    """Where the real rows are: one of four places, the columns, and which rows to take."""

    path: FilePath | None = None  # a table: CSV, JSON Lines, Parquet, a workbook …
    package: str | None = None  # installed, of Python, with `file` or `folder` in it
    file: str | None = None  # of the same kinds as `path`
    folder: FilePath | None = None  # with one sub-folder of .txt files per label
    # Of the Hugging Face hub, or a local folder that `datasets.load_dataset` can read.
    dataset: FilePath | None = None
    config: str | None = None
    split: str = "train"
    encoding: str = "utf-8-sig"  # of CSV, TSV and .txt files
    where: dict[str, Values] = Field(default_factory=dict)  # only rows with one of these values are taken
    text_column: Column | None = None
    pair_column: Column | None = None
    label_column: Column | None = None
    test_path: FilePath | None = None  # a file like `path` that the test rows are taken from
    test_split: str | None = None  # a split of `dataset` that they are taken from

    @model_validator(mode="after")
    def _one_place(self) -> Source:
        places_given = ("path", "package", "file", "folder", "dataset")
        given = {key for key in places_given if getattr(self, key) is not None}
        places = [{"path"}, {"package", "file"}, {"folder"}, {"package", "folder"}, {"dataset"}]
        if given not in places:
            raise ValueError(
                "give one place: `path`, or `package` and `file`, or `folder` (with or without `package`), "
                "or `dataset`"
            )
        for key, needed in (("config", "dataset"), ("test_split", "dataset"), ("test_path", "path")):
            if getattr(self, key) and needed not in given:
                raise ValueError(f"`{key}` goes with `{needed}`")
        if self.split != "train" and "dataset" not in given:
            raise ValueError("`split` goes with `dataset`")
        if self.encoding != "utf-8-sig" and "dataset" in given:
            raise ValueError("`encoding` doesn't go with `dataset`, whose texts are UTF-8")
        return self

    @model_validator(mode="after")
    def _columns(self) -> Source:
        columns = {key: getattr(self, key) for key in ("text_column", "label_column", "pair_column")}
        if self.folder is None:
            for key in ("text_column", "label_column"):
                if columns[key] is None:
                    raise ValueError(f"`{key}` is missing")
        elif self.where or any(columns.values()):
            raise ValueError(
                "a `folder` has no columns: remove text_column, pair_column, label_column, where"
            )
        given = [column for column in columns.values() if column is not None]
        if len(set(given)) != len(given):
            raise ValueError("text_column, pair_column and label_column must differ")
        return self


class UnlabelledSource(Section):
    """A table of texts without labels, of the same kind as the real rows."""

    path: FilePath
    encoding: str = "utf-8-sig"
    text_column: Column = "text"
    pair_column: Column | None = None


class FactTable(Section):
    """A table of facts, such as products or slot values: each prompt of `grounded` takes one of its rows."""

    path: FilePath
    encoding: str = "utf-8-sig"
    words: Line  # what the prompt says of a row: "about the {product} of {year}"
    # Its cell names the label that a row suits, or is empty if it suits all; None: all rows suit all.
    label_column: Column | None = None
    must_occur: Column | None = None  # its cell must stand in the text, or `missing_slot` rejects it
    balance: Column | None = None  # its values take turns, with `generate.facts.sampling: balanced`

    @model_validator(mode="after")
    def _slots(self) -> FactTable:
        if not slots(self.words) or has_stray_brace(self.words):
            raise ValueError(
                "words: write columns of the table like {product}, one at least, and no other braces"
            )
        return self

    @property
    def columns(self) -> dict[str, str]:
        """Return the columns that facts have, each with the card's key that names it."""
        keys = dict.fromkeys(slots(self.words), "facts.words")
        for key, column in (("must_occur", self.must_occur), ("balance", self.balance)):
            if column is not None:
                keys.setdefault(column, f"facts.{key}")
        return keys


class Excerpt(Section):
    """The part of long texts that is used: about `words` words of the start or the end."""

    words: Annotated[int, Field(ge=5)]
    side: Literal["start", "end"] = Field(alias="from")


class TaskCard(Section):
    """A task card; `labels` maps the value in the data's label column to the label."""

    description: Line
    text_name: Line  # what a text is called in a prompt
    pair_name: Line | None = None  # what the second one is called, in tasks of text pairs only
    question: Line
    labels: dict[str, Label]
    source: Source | None = None  # of the real rows; None: there are none, not even to test with
    # Of texts without labels; None: labelled rows that aren't used otherwise take their place.
    unlabelled: UnlabelledSource | None = None
    # Further training rows, as `labelmint next` writes them; never test rows.
    labelled_later: list[FilePath] = Field(default_factory=list)
    facts: FactTable | None = None  # a table that prompts take rows of
    excerpt: Excerpt | None = None  # how long texts are cut; None: not at all
    method: str | None = None  # the way of writing texts that suits the task
    # What prompts may vary, where the ways of writing texts use it.
    topics: Lines | None = None
    personas: Lines | None = None
    attributes: dict[str, Lines | dict[str, Lines]] | None = None
    templates: Lines | dict[str, Lines] | None = None
    licence: str

    @model_validator(mode="after")
    def _labels(self) -> TaskCard:
        if len(self.labels) < 2:
            raise ValueError("labels: at least two are needed")
        for what in ("name", "phrase"):
            seen: dict[str, str] = {}
            for label in self.labels.values():
                value = getattr(label, what)
                other = seen.get(fold(value))
                seen[fold(value)] = value
                if other is not None:
                    alike = "the same" if other == value else "too similar a"
                    raise ValueError(
                        f"labels: two labels have {alike} {what}, {other!r} and {value!r}; change one"
                    )
        by_name = {label.name: value for value, label in self.labels.items()}
        for value in self.labels:
            if by_name.get(value, value) != value:
                raise ValueError(
                    f"labels: {value!r} in a table could mean the label of that value, or that of value "
                    f"{by_name[value]!r}, named {value!r}; change that name, to '{value}_' for example"
                )
        return self

    @model_validator(mode="after")
    def _pairs(self) -> TaskCard:
        if self.source and (self.pair_name is None) != (self.source.pair_column is None):
            raise ValueError("`pair_name` and `source.pair_column` go together: give both, or neither")
        if self.unlabelled and (self.pair_name is None) != (self.unlabelled.pair_column is None):
            raise ValueError("`pair_name` and `unlabelled.pair_column` go together: give both, or neither")
        return self

    @model_validator(mode="after")
    def _known_labels(self) -> TaskCard:
        by_key = {f"attributes.{key}": value for key, value in (self.attributes or {}).items()}
        for key, value in {**by_key, "templates": self.templates}.items():
            for name in value if isinstance(value, dict) else ():
                if name not in self.label_names:
                    raise ValueError(f"{key}: no label is named {name!r}; use {', '.join(self.label_names)}")
        return self

    @property
    def label_names(self) -> list[str]:
        """Names of the labels, in the card's order, which is also that of label scores."""
        return [label.name for label in self.labels.values()]

    @property
    def names_by_value(self) -> dict[str, str]:
        """Names of the labels by what tables may have for them: the value in the data, or the name."""
        values = {value: label.name for value, label in self.labels.items()}
        return values | {name: name for name in self.label_names}

    @property
    def files(self) -> list[str]:
        """Every file of the user's that the card names, each once."""
        tables = [table.path for table in (self.source, self.unlabelled, self.facts) if table]
        tests = [self.source.test_path] if self.source else []
        return [*dict.fromkeys(path for path in (*tables, *tests, *self.labelled_later) if path)]

    @property
    def pairs(self) -> bool:
        """Whether the rows are pairs of texts."""
        return self.pair_name is not None

    def phrase(self, name: str) -> str:
        """Return what prompts call the label of this name."""
        return next(label.phrase for label in self.labels.values() if label.name == name)


def card_path(task: str) -> Path:
    """Return the task's card file."""
    return paths.TASKS / f"{task}.yaml"


def load_card(task: str) -> TaskCard:
    """Read and check a task card; raise `ParamsError` naming file, key and remedy."""
    path = card_path(task)
    if not path.is_file():
        names = sorted(card.stem for card in paths.TASKS.glob("*.yaml"))
        near = difflib.get_close_matches(task, names, n=1) or names
        raise ParamsError(f"{path}: no such file; `task` in params.yaml may be {', '.join(near)}")
    return check(TaskCard, read_yaml(path), path)


def row_text(card: TaskCard, row: Input) -> str:
    """Return a row's text as prompts show it: of a pair both texts, on two lines."""
    if card.pair_name is None:
        return row["text"]
    return f"{row['text']}\n{card.pair_name[0].upper()}{card.pair_name[1:]}: {row['text_pair']}"
