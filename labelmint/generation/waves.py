"""Write the planned waves, each kept in the journal as soon as it is whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from labelmint.core.cache import Journal, fingerprint
from labelmint.core.params import Generate
from labelmint.core.records import Candidate
from labelmint.generation.answers import fields
from labelmint.generation.plan import Planned
from labelmint.llm.base import Completion, LanguageModel, Sampling
from labelmint.llm.grammar import load_grammar
from labelmint.prompts.prompts import STOP
from labelmint.tasks.cards import TaskCard

OnText = Callable[[Completion], None]


def sampling_of(config: Generate, stop: str = STOP, *, never_empty: bool = False) -> Sampling:
    """Return how texts are drawn; raise `ParamsError` if the grammar's file can't be used."""
    return Sampling(
        temperature=config.temperature,
        top_k=config.top_k,
        top_p=config.top_p,
        min_p=config.min_p,
        max_new_tokens=config.max_new_tokens,
        stop=stop,
        repetition_penalty=config.repetition_penalty,
        contrast=config.contrast,
        never_empty=never_empty,
        grammar=load_grammar(config.grammar, "generate.grammar"),
    )


class WaveStore:
    """The journal of written waves for one model and one way of sampling."""

    def __init__(self, model: LanguageModel, sampling: Sampling) -> None:
        self.sampling = sampling
        self.journal = Journal("generate", {"llm": model.identity, "sampling": sampling.content})

    def key(self, wave: Sequence[Planned]) -> str:
        """Return the key of a wave: its prompts and seeds, all that its texts depend on."""
        groups = [planned.group for planned in wave]
        content: dict[str, Any] = {"groups": [[group.prompt, group.seeds] for group in groups]}
        if self.sampling.contrast:
            content["contrast"] = [group.contrast for group in groups]
        return fingerprint(content)

    def has(self, wave: Sequence[Planned]) -> bool:
        """Return whether the wave was written before."""
        return self.key(wave) in self.journal


def generate(
    waves: Sequence[Sequence[Planned]],
    model: LanguageModel,
    store: WaveStore,
    config: Generate,
    card: TaskCard,
    on_text: OnText | None = None,
) -> Iterator[tuple[list[Candidate], float]]:
    """Yield each wave's candidates and the seconds it took, from the journal where it is there.

    `on_text` is called for each text as it is written. Raises `ModelError`, before anything is written,
    if a prompt doesn't fit the model's context.
    """
    for wave in waves:
        model.check_wave([planned.group for planned in wave], store.sampling)
    for wave in waves:
        key = store.key(wave)
        if key not in store.journal:
            store.journal.add(key, _write(wave, model, store.sampling, on_text))
        record = store.journal[key]
        yield list(_candidates(wave, record["texts"], config, card)), record["seconds"]


def _write(
    wave: Sequence[Planned], model: LanguageModel, sampling: Sampling, on_text: OnText | None
) -> dict[str, Any]:
    begin = time.perf_counter()
    groups = model.write_wave([planned.group for planned in wave], sampling, on_text)
    texts = [[[text.text, text.tokens, text.finish_reason] for text in group] for group in groups]
    return {"texts": texts, "seconds": round(time.perf_counter() - begin, 3)}


def _candidates(
    wave: Sequence[Planned], texts: list[Any], config: Generate, card: TaskCard
) -> Iterator[Candidate]:
    for planned, group in zip(wave, texts, strict=True):
        for number, (seed, answer) in enumerate(zip(planned.seeds, group, strict=True)):
            found = fields(config, card, planned.brief, Completion(*answer))
            row = Candidate(
                id=f"s{planned.first + number:06d}",
                text=found.text,
                label=found.label,
                prompt_id=planned.prompt["id"],
                demonstration_ids=planned.prompt["demonstration_ids"],
                method=planned.prompt["method"],
                values=planned.prompt["values"],
                seed=seed,
                tokens=answer[1],
                finish_reason=answer[2],
            )
            if found.text_pair is not None:
                row["text_pair"] = found.text_pair
            yield row
