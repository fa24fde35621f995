"""Write candidates for a task: plan waves, write each and keep it in the cache as soon as it is whole."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from labelmint.core.cache import Cache, fingerprint
from labelmint.core.errors import ModelError
from labelmint.core.params import Generate
from labelmint.core.progress import progress
from labelmint.core.quoting import one_line
from labelmint.core.records import Candidate
from labelmint.core.words import count_words
from labelmint.generation.answers import candidates_of, stop_text
from labelmint.generation.plan import Planned, Planner, check_every_label, checked_shares, drawn_labels
from labelmint.llm.base import Completion, LanguageModel, Sampling
from labelmint.prompts.ideas import by_kind, collect
from labelmint.prompts.methods import METHODS, idea_kinds
from labelmint.prompts.render import STOP
from labelmint.tasks.task import Task

Wave = Sequence[Planned]


class Session:
    """Writes candidates for a task.

    Raises `ParamsError` or `DataError`, before anything is written, if method, card and rows don't match.
    """

    def __init__(self, task: Task, model: LanguageModel) -> None:
        task = with_max_new_tokens(task)
        config, card = task.params.generate, task.card
        self.config, self.card, self.model = config, card, model
        template = model.chat_prompt if model.kind == "chat" else None
        # The trial finds what can't work before the model is asked for ideas, which takes minutes.
        self.shares, self.methods = checked_shares(task, template)
        # After demonstrations alone a model rarely writes an empty text (1 %); without any, or with modifiers
        # that the demonstrations don't follow, up to one time in seven.
        only_demonstrations = all(METHODS[name].demonstrations == "required" for name in self.methods)
        never_empty = not only_demonstrations or model.kind == "chat"
        stop = stop_text(config, card, has_rows=bool(task.train))
        self.sampling = sampling_of(config, stop, never_empty=never_empty)
        self.ideas = collect(config, card, idea_kinds(self.methods, card), model)
        self.planner = Planner(task, self.methods, template, by_kind(self.ideas))
        self.cache = Cache("generate", {"llm": model.identity, "sampling": self.sampling.content})

    def waves(self) -> list[list[Planned]]:
        """Plan all waves of `generate.candidates`; raise `ParamsError` if they are too few for the labels."""
        check_every_label(self.config, self.shares)
        return self.planner.plan(drawn_labels(self.config, self.shares))

    def write(
        self, waves: Sequence[Wave], name: str, *, refuse_useless: bool = False
    ) -> tuple[list[Candidate], float]:
        """Write the waves that the cache lacks; return the candidates and the seconds of all waves.

        A prompt that doesn't fit the model's context is a `ModelError` before anything is written; with
        `refuse_useless`, a first wave of which no text ends is one.
        """
        for wave in waves:
            self.model.check_wave([planned.group for planned in wave], self.sampling)
        size = self.config.samples_per_prompt
        done = size * sum(len(wave) for wave in waves if self.cache.get(wave_key(wave)) is not None)
        candidates: list[Candidate] = []
        seconds = 0.0
        with progress(size * sum(map(len, waves)), name, "texts", done) as bar:
            tokens = accepted = 0

            def on_text(text: Completion) -> None:
                nonlocal tokens, accepted
                tokens += text.tokens
                accepted += text.finish_reason == "stop" and bool(text.text)
                rate = tokens / max(1e-9, bar.format_dict["elapsed"])
                bar.set_postfix_str(f"{accepted} accepted, {rate:.0f} tokens/s", refresh=False)
                bar.update()

            for wave in waves:
                record = self._write_wave(wave, on_text)
                seconds += record["seconds"]
                for planned, texts in zip(wave, record["texts"], strict=True):
                    answers = [Completion(*text) for text in texts]
                    candidates += candidates_of(self.config, self.card, planned, answers)
                if refuse_useless and not any(map(ended, candidates)):
                    raise ModelError(_useless(candidates, self.config.max_new_tokens))
        return candidates, seconds

    def _write_wave(self, wave: Wave, on_text: Callable[[Completion], None]) -> dict[str, Any]:
        """Return a wave's texts and seconds, from the cache if it is there."""
        key = wave_key(wave)
        record: dict[str, Any] | None = self.cache.get(key)
        if record is None:
            start = time.perf_counter()
            groups = self.model.write_wave([planned.group for planned in wave], self.sampling, on_text)
            texts = [[[text.text, text.tokens, text.finish_reason] for text in group] for group in groups]
            record = {"texts": texts, "seconds": round(time.perf_counter() - start, 3)}
            self.cache.add(key, record)
        return record


def ended(row: Candidate) -> bool:
    """Return whether a candidate's text is whole and not empty."""
    return row["finish_reason"] == "stop" and bool(row["text"])


def _useless(candidates: Sequence[Candidate], most: int) -> str:
    cut_off = sum(row["finish_reason"] == "length" for row in candidates)
    empty = len(candidates) - cut_off
    shown = next((f", such as {one_line(row['text'], 60)!r}" for row in candidates if row["text"]), "")
    return (
        f"params.yaml: llm: none of the first {len(candidates)} texts can be used: {cut_off} reached "
        f"generate.max_new_tokens={most} without an end, {empty} are empty{shown}; choose another model or "
        "kind, or raise max_new_tokens. `labelmint preview` shows prompts and texts"
    )


def wave_key(wave: Wave) -> str:
    """Return the cache's key of a wave: its prompts and seeds, all that its texts depend on."""
    return fingerprint({"groups": [[planned.prompt["text"], planned.seeds] for planned in wave]})


def sampling_of(config: Generate, stop: str = STOP, *, never_empty: bool = False) -> Sampling:
    """Return how texts are drawn."""
    return Sampling(
        temperature=config.temperature,
        top_k=config.top_k,
        top_p=config.top_p,
        min_p=config.min_p,
        max_new_tokens=config.max_new_tokens,
        stop=stop,
        never_empty=never_empty,
    )


def with_max_new_tokens(task: Task) -> Task:
    """Return the task with `max_new_tokens` as a number: 1.8 tokens a word for 19 of 20 real rows."""
    config = task.params.generate
    if config.max_new_tokens:
        return task
    both = task.card.pair_name is not None and config.pairs == "both"
    words = sorted(
        count_words(row.get("text_pair", row["text"])) + (count_words(row["text"]) if both else 0)
        for row in task.train
    )
    longest = words[int(len(words) * 0.95)] if words else 35
    return task.changed({"generate.max_new_tokens": max(32, math.ceil(longest * 1.8 / 16) * 16)})


def summary(candidates: Sequence[Candidate], seconds: float) -> dict[str, Any]:
    """Return the stage's metrics; `seconds` includes the time of waves from the cache."""
    tokens = sum(row["tokens"] for row in candidates)
    reasons = Counter(row["finish_reason"] for row in candidates)
    return {
        "candidates": len(candidates),
        "finished": reasons["stop"],
        "cut_off": reasons["length"],
        "prompts": len({row["prompt_id"] for row in candidates}),
        "methods": dict(sorted(Counter(row["method"] for row in candidates).items())),
        "labels": dict(sorted(Counter(row["label"] for row in candidates).items())),
        "tokens": tokens,
        "seconds": round(seconds, 1),
        "tokens_per_s": round(tokens / max(seconds, 1e-9), 1),
    }
