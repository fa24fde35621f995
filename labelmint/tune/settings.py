"""The prompt settings that are tried: those of params.yaml, and one change to them each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from labelmint.core.errors import LabelmintError
from labelmint.core.records import Candidate
from labelmint.generation.plan import Planned, drawn_labels
from labelmint.generation.session import Session
from labelmint.llm.base import LanguageModel
from labelmint.tasks.task import Task

# Of keys of `generate`. One at a time: that shows what each does, and the next run starts from the best.
CHANGES: list[dict[str, Any]] = [
    {"temperature": 0.8},
    {"temperature": 1.2},
    {"top_p": 1.0, "min_p": 0.05},
    {"demonstrations": 10},
    {"demonstration_labels": "all"},
    {"method": "few_shot"},
    {"method": "one_shot"},
    {"method": "template"},
]

# A wave has many prompts with few texts each: which rows a prompt shows matters more than how tokens fall.
PROMPTS, TEXTS_PER_PROMPT = 8, 5
MOST = 8  # settings, as many as 960 texts are enough for
WAVE_TEXTS = PROMPTS * TEXTS_PER_PROMPT


@dataclass(frozen=True)
class Setting:
    """A change of `generate`, by its place among those tried, and what writes with it."""

    number: int
    change: dict[str, Any]
    session: Session

    @property
    def name(self) -> str:
        """The change in words."""
        return in_words(self.change)

    def waves(self, first: int, count: int) -> list[list[Planned]]:
        """Plan waves; a prompt's label and its random draws depend on its number alone."""
        config = self.session.config.model_copy(update={"candidates": (first + count) * WAVE_TEXTS})
        return self.session.planner.plan(drawn_labels(config, self.session.shares))[first:]

    def write(self, first: int, count: int, title: str) -> tuple[list[Candidate], float]:
        """Write `count` waves after the `first` ones; return the candidates and the seconds it took."""
        rows, seconds = self.session.write(self.waves(first, count), f"{title}, {self.name}")
        # Different settings number their texts alike.
        return [row | {"id": f"{self.number}-{row['id']}"} for row in rows], seconds


def in_words(change: dict[str, Any]) -> str:
    """Return the change as a name."""
    return ", ".join(f"{key}={value}" for key, value in change.items()) or "as in params.yaml"


def settings_to_try(task: Task, model: LanguageModel) -> tuple[list[Setting], dict[str, str]]:
    """Return the current settings and each change that makes other texts; and why others can't be tried.

    At most `MOST` are tried. Raise an error if the current settings can't work.
    """
    settings: dict[tuple[str, ...], Setting] = {}
    left_out: dict[str, str] = {}
    for number, change in enumerate([{}, *CHANGES]):
        size = {"prompts_per_wave": PROMPTS, "samples_per_prompt": TEXTS_PER_PROMPT}
        generate = task.params.generate.model_copy(update={**change, **size})
        params = task.params.model_copy(update={"generate": generate})
        try:
            session = Session(replace(task, params=params), model)
            setting = Setting(number, change, session)
            (wave,) = setting.waves(0, 1)
            model.check_wave([planned.group for planned in wave], session.sampling)
        except LabelmintError as error:
            if not change:
                raise
            left_out[in_words(change)] = str(error)
            continue
        texts = (str(session.sampling), *(planned.prompt["text"] for planned in wave))
        settings.setdefault(texts, setting)
    return [*settings.values()][:MOST], left_out
