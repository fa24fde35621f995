"""Measure, in a few seconds and without keeping anything, how quickly this machine does a run's work."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from statistics import mean

from labelmint.core.params import LLM_STUDENTS, Params
from labelmint.core.records import Input
from labelmint.encoder.data import tokenize
from labelmint.encoder.loading import LoadedEncoder
from labelmint.generation.answers import stop_text
from labelmint.generation.plan import Planner
from labelmint.generation.session import sampling_of, with_max_new_tokens
from labelmint.labelling.choices import choices_of, draw_demonstrations, labelled_prompt, suffixes_of
from labelmint.llm.base import LanguageModel
from labelmint.prompts.methods import method_shares
from labelmint.tasks.task import Task

# Of whole texts, the last ones would be written nearly alone, which is slower than in a full wave.
_WRITTEN_TEXTS, _WRITTEN_TOKENS = 48, 24
_READ_TEXTS = 32
_EMBED_TEXTS = 64
_MAX_LENGTH, _UNKNOWN_LENGTH = 1000, 40


@dataclass(frozen=True)
class Speeds:
    """How long a piece of work takes."""

    tokens_per_text: float  # written by the language model; estimated by those of the task
    tokens_per_s: float
    read_start_s: float  # to read the prompt of labelled rows; 0: nothing is read
    read_text_s: float  # to read each text after it
    embed_text_s: Mapping[str, float]  # by encoder


def reads_labels(params: Params) -> bool:
    """Return whether a run asks the language model for the labels of texts."""
    if {*LLM_STUDENTS} & {params.student_of(name) for name in params.arms}:
        return True
    scored = params.labelling.action != "none" or params.prepare.unlabelled_rows > 0
    return scored and {*params.labelling.scorers} != {"classifier"}


def measure(
    task: Task, texts: Sequence[Input], model: LanguageModel, encoders: Mapping[str, LoadedEncoder]
) -> Speeds:
    """Begin some texts, read some and embed some; `texts` are of the task, and there may be none."""
    begin = time.perf_counter()
    tokens = _write(task, model)
    write_s = time.perf_counter() - begin
    sample = texts[:_EMBED_TEXTS]
    length, start_s, read_s, embed_s = float(_UNKNOWN_LENGTH), 0.0, 0.0, dict.fromkeys(encoders, 0.0)
    if sample:
        train = task.params.train
        length = _length(encoders[train.encoder], sample)
        for name, encoder in encoders.items():
            embed_s[name] = _timed(partial(encoder.embed, train), sample)[1]
        if reads_labels(task.params):
            start_s, read_s = _timed(_reading(task, model), sample[:_READ_TEXTS])
    return Speeds(length, tokens / max(write_s, 1e-9), start_s, read_s, embed_s)


def _length(encoder: LoadedEncoder, rows: Sequence[Input]) -> float:
    """Return the mean tokens of what is written of a row, of a pair the second text.

    The encoder's tokens are about as many as the language model's, and its texts about as long as real ones.
    """
    written = [Input(id=row["id"], text=row.get("text_pair", row["text"])) for row in rows]
    return mean(map(len, tokenize(written, encoder.tokenizer, _MAX_LENGTH)["input_ids"]))


def _write(task: Task, model: LanguageModel) -> int:
    """Begin a few texts of each prompt of a wave, by the method with the largest share; return the tokens."""
    each = max(1, _WRITTEN_TEXTS // task.params.generate.prompts_per_wave)
    task = with_max_new_tokens(task.changed({"generate.samples_per_prompt": each}))
    config, card, train = task.params.generate, task.card, task.train
    methods = method_shares(config, card, task.params.task, len(train))
    # The model isn't asked for topics and the like, which takes minutes.
    planner = Planner(task, methods, model.chat_prompt if model.kind == "chat" else None)
    method = max(methods, key=lambda name: methods[name])
    labels = islice(cycle(card.label_names), config.prompts_per_wave)
    groups = [planner.prompt(number, label, method).group for number, label in enumerate(labels)]
    sampling = sampling_of(
        config.model_copy(update={"max_new_tokens": min(_WRITTEN_TOKENS, config.max_new_tokens)}),
        stop_text(config, card, has_rows=bool(train)),
        never_empty=True,
    )
    return sum(text.tokens for texts in model.write_wave(groups, sampling) for text in texts)


def _reading(task: Task, model: LanguageModel) -> Callable[[Sequence[Input]], object]:
    config, card = task.params.labelling, task.card
    prefix = labelled_prompt(card, draw_demonstrations(config.seed, config.demonstrations, card, task.train))

    def read(rows: Sequence[Input]) -> object:
        return model.score(prefix, suffixes_of(card, rows), choices_of(card))

    return read


def _timed(work: Callable[[Sequence[Input]], object], rows: Sequence[Input]) -> tuple[float, float]:
    """Return the seconds of the first row, with what has to be loaded for it, and of each further one."""
    seconds = []
    for part in (rows[:1], rows):
        begin = time.perf_counter()
        work(part)
        seconds.append(time.perf_counter() - begin)
    return seconds[0], max(0.0, seconds[1] - seconds[0]) / max(1, len(rows) - 1)
