"""Task cards: what is classified, how the labels are said in a prompt, where the real rows come from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from stages import paths
from stages.config import Section, check, read_yaml


class Label(Section):
    """One label: `name` in every file and metric, `phrase` in prompts ("Write one <phrase> <text_name>")."""

    name: Annotated[str, Field(min_length=1)]
    phrase: Annotated[str, Field(min_length=1)]


class Source(Section):
    """Where the rows are: a file by `path`, or `file` inside an installed `package`; CSV, TSV or JSONL."""

    path: str | None = None
    package: str | None = None
    file: str | None = None
    where: dict[str, str] = Field(default_factory=dict)
    text_column: str
    label_column: str

    @model_validator(mode="after")
    def _one_place(self) -> Source:
        if (self.path is None) == (self.package is None) or (self.package is None) != (self.file is None):
            raise ValueError("give either `path`, or both `package` and `file`")
        return self


class TaskCard(Section):
    """A task card; `labels` maps the value in the data's label column to the label."""

    description: str
    text_name: str
    question: str
    labels: dict[str, Label]
    source: Source
    licence: str

    @model_validator(mode="after")
    def _labels(self) -> TaskCard:
        if len(self.labels) < 2:
            raise ValueError("labels: at least two are needed")
        for what in ("name", "phrase"):
            said = [getattr(label, what) for label in self.labels.values()]
            if len(set(said)) != len(said):
                raise ValueError(f"labels: two labels have the same {what}")
        return self

    @property
    def label_names(self) -> list[str]:
        """Names of the labels, in the card's order: the order of every vector of scores."""
        return [label.name for label in self.labels.values()]

    def phrase(self, name: str) -> str:
        """Return how the label of this name is said in a prompt."""
        return next(label.phrase for label in self.labels.values() if label.name == name)


def card_path(task: str) -> Path:
    """Return the task's card file."""
    return paths.TASKS / f"{task}.yaml"


def load_card(task: str) -> TaskCard:
    """Read and check a task card; raise `ParamsError` naming file, key and remedy."""
    path = card_path(task)
    return check(TaskCard, read_yaml(path), path)
