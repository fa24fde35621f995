"""Check that prompts and rows fit the language model's context, before anything is written.

The model is opened, which takes seconds, only where a prompt or a row has so many bytes that it may not fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from labelmint.core.errors import DataError, ParamsError
from labelmint.core.records import Input, texts_of
from labelmint.core.words import count_words
from labelmint.generation.plan import Planned, Planner, drawn_labels
from labelmint.generation.session import sampling_of
from labelmint.labelling.choices import choices_of, draw_demonstrations, labelled_prompt, suffixes_of
from labelmint.llm import open_model
from labelmint.prompts.render import ChatTemplate
from labelmint.tasks.cards import Excerpt, card_path, row_text
from labelmint.tasks.task import Task
from labelmint.tasks.texts import input_row

if TYPE_CHECKING:
    from labelmint.llm.engine import Engine

# A token has a byte at least, so these fit any model: a text to be read, and a prompt of few tokens a byte.
_TEXT_BYTES, _PROMPT_BYTES = 500, 4000

Shares = Mapping[str, float]


class ContextCheck:
    """Checks a task's prompts and rows, and the texts to label.

    The task is `with_max_new_tokens`; `shares` are the labels', `methods` the prompt methods'.
    """

    def __init__(self, task: Task, texts: Sequence[Input], shares: Shares, methods: Shares) -> None:
        self.task, self.params, self.card = task, task.params, task.card
        self.config, self.shares, self.methods = task.params.generate, shares, methods
        self.rows: list[Input] = [*task.train, *task.test, *texts]
        self.choices = choices_of(task.card)

    def run(self) -> None:
        """Raise an error that names the row, or the setting, and what would fit."""
        # A server doesn't tell how much fits.
        if self.params.llm.backend == "server" or self._surely_fits():
            return
        with open_model(self.params.llm) as model:
            template = model.chat_prompt if model.kind == "chat" else None
            self._check_rows(model)  # type: ignore[arg-type]
            for wave in sorted(self._waves(template), key=_bytes_of_wave, reverse=True):
                model.check_wave([planned.group for planned in wave], sampling_of(self.config))

    def _surely_fits(self) -> bool:
        """Return whether bytes alone show that everything fits."""
        texts = min(self.params.llm.slots, self.config.prompts_per_wave * self.config.samples_per_prompt)
        waves = [*map(_bytes_of_wave, self._waves(None))]
        asked = _bytes(self._asked(self.params.labelling.demonstrations))
        longest = max(map(_bytes, suffixes_of(self.card, self.rows)), default=0) + sum(
            map(_bytes, self.choices)
        )
        context = self.params.llm.context_tokens
        return (
            max(waves) + texts * self.config.max_new_tokens <= context
            and longest <= _TEXT_BYTES
            and asked + longest <= min(context, _PROMPT_BYTES)
        )

    def _waves(self, template: ChatTemplate | None) -> list[list[Planned]]:
        """Return the planned waves, with a placeholder for every idea."""
        planner = Planner(self.task, self.methods, template)
        return planner.plan(drawn_labels(self.config, self.shares))

    def _asked(self, demonstrations: int) -> str:
        """Return the prompt that asks for labels."""
        seed, train = self.params.labelling.seed, self.task.train
        return labelled_prompt(self.card, draw_demonstrations(seed, demonstrations, self.card, train))

    def _check_rows(self, engine: Engine) -> None:
        lengths = engine.count_tokens(suffixes_of(self.card, self.rows))
        longest, demonstrations = max(lengths, default=0), self.params.labelling.demonstrations
        room = engine.reading_room(self._asked(demonstrations), self.choices)
        if longest <= room:
            return
        row = self.rows[lengths.index(longest)]
        said = f"row {row['id']} ({row['text'][:40]!r} …) has {longest:,} tokens"
        alone = engine.reading_room(self._asked(0), self.choices)
        if longest > alone:
            side = self.card.excerpt.side if self.card.excerpt else "start"
            words = self._words_that_fit(engine, alone, side)
            raise DataError(
                f"{card_path(self.params.task)}: {said}, more than the {alone} that the language model reads "
                f"at once; cut long texts: excerpt: {{words: {words}, from: {side}}}"
            )
        labels = len(self.choices)
        fewer = range((demonstrations - 1) // labels * labels, -1, -labels)
        rooms = ((number, engine.reading_room(self._asked(number), self.choices)) for number in fewer)
        fitting = next(number for number, tokens in rooms if tokens >= longest)
        raise ParamsError(
            f"params.yaml: labelling.demonstrations={demonstrations}: the rows shown to the language model "
            f"leave {max(0, room)} of llm.context_tokens={self.params.llm.context_tokens}, and {said}; "
            f"say labelling.demonstrations: {fitting}, or raise llm.context_tokens"
        )

    def _words_that_fit(self, engine: Engine, room: int, side: str) -> int:
        """Return how many words of each text leave every row within `room` tokens."""
        words = max(count_words(row_text(self.card, row)) for row in self.rows)
        while words > 5:
            words = max(5, int(words * 0.9))
            excerpt = Excerpt.model_validate({"words": words, "from": side})
            rows = [input_row(row["id"], texts_of(row), excerpt) for row in self.rows]
            if max(engine.count_tokens(suffixes_of(self.card, rows))) <= room:
                break
        return words


def _bytes_of_wave(wave: Sequence[Planned]) -> int:
    return sum(_bytes(planned.prompt["text"]) for planned in wave)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
