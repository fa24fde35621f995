"""One model, one task, one way of writing: plan waves, write them behind a progress bar, sum them up."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import product
from typing import Any

from labelmint.core.errors import ModelError
from labelmint.core.params import Generate, Params
from labelmint.core.progress import progress
from labelmint.core.records import Candidate, Labelled
from labelmint.generation.answers import stop_text
from labelmint.generation.plan import Planned, Planner, drawn_labels
from labelmint.generation.waves import WaveStore, generate, sampling_of
from labelmint.llm.base import Completion, LanguageModel, missing_abilities
from labelmint.prompts import ideas as asking
from labelmint.prompts import methods
from labelmint.tasks.balance import class_balance
from labelmint.tasks.cards import TaskCard


class Session:
    """Writes candidates for a task.

    Parameters
    ----------
    params : Params
        The whole of params.yaml.
    card : TaskCard
        The task.
    rows : sequence of Labelled
        The real training rows, which may be none.
    model : LanguageModel
        The writer.

    Raises
    ------
    ParamsError, DataError, ModelError
        Before anything is written, if method, model and rows don't go together.
    """

    def __init__(
        self, params: Params, card: TaskCard, rows: Sequence[Labelled], model: LanguageModel
    ) -> None:
        config = with_room(params.generate, card, rows)
        self.config, self.card, self.model = config, card, model
        self.shares = class_balance(params.class_balance, card, rows)
        self.methods = used = methods.shares(config, card, params.task, len(rows))
        self.sampling = sampling_of(
            config,
            stop_text(config, card, has_rows=bool(rows)),
            # After demonstrations alone a model hardly ever falls silent (1 % of texts); without any, or with
            # a wish that they don't show, up to one time in seven.
            never_empty=not set(used) <= {"one_shot", "few_shot"} or model.kind == "chat",
        )
        missing = missing_abilities(self.sampling, model)
        if missing:
            raise ModelError(
                f"params.yaml: generate.{missing[0]}: this model or backend can't do it; switch it off, or "
                "use llm.backend: llama_cpp"
            )
        kinds = methods.kinds(used, card, params.task)
        template = model.chat_prompt if model.kind == "chat" else None
        # Too few rows, or no template, are found before minutes of asking.
        trial = Planner(config, card, rows, template, used, defaultdict(lambda: ["…"]))
        for label, method in product(card.label_names, used):
            trial.prompt(0, label, method)
        self.ideas = asking.collect(config, card, kinds, model)
        self.planner = Planner(config, card, rows, template, used, asking.by_kind(self.ideas))
        self.store = WaveStore(model, self.sampling)

    def waves(self) -> list[list[Planned]]:
        """Plan all waves of `generate.candidates`."""
        return self.planner.plan(drawn_labels(self.config, self.shares))

    def write(self, waves: Sequence[Sequence[Planned]], name: str) -> tuple[list[Candidate], float]:
        """Write waves, those of the journal apart; return candidates and the seconds of all waves."""
        size = self.config.samples_per_prompt
        total = size * sum(map(len, waves))
        done = size * sum(len(wave) for wave in waves if self.store.has(wave))
        candidates, seconds = [], 0.0
        with progress(total, name, "texts", done) as bar:
            tokens = accepted = 0

            def on_text(text: Completion) -> None:
                nonlocal tokens, accepted
                tokens += text.tokens
                accepted += text.finish_reason == "stop" and bool(text.text)
                rate = tokens / max(1e-9, bar.format_dict["elapsed"])
                bar.set_postfix_str(f"{accepted} accepted, {rate:.0f} tokens/s", refresh=False)
                bar.update()

            for wave, spent in generate(waves, self.model, self.store, self.config, self.card, on_text):
                candidates += wave
                seconds += spent
        return candidates, seconds


def with_room(config: Generate, card: TaskCard, rows: Sequence[Labelled]) -> Generate:
    """Return the settings with `max_new_tokens` as a number: 1.8 tokens a word for 19 of 20 real rows."""
    if config.max_new_tokens:
        return config
    both = card.pair_name is not None and config.pairs == "both"
    words = sorted(
        len(row.get("text_pair", row["text"]).split()) + (len(row["text"].split()) if both else 0)
        for row in rows
    )
    longest = words[int(len(words) * 0.95)] if words else 35
    return config.model_copy(update={"max_new_tokens": max(32, math.ceil(longest * 1.8 / 16) * 16)})


def summary(candidates: Sequence[Candidate], seconds: float) -> dict[str, Any]:
    """Return the stage's metrics; `seconds` sums the waves' own times, also of those from the journal."""
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
