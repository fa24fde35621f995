"""Turn what the model wrote into candidates: one line per text, its fields and, text first, its label."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from labelmint.core.params import Generate
from labelmint.core.records import Candidate
from labelmint.core.words import join
from labelmint.generation.plan import Planned
from labelmint.llm.base import Completion
from labelmint.prompts import render
from labelmint.prompts.spec import PromptSpec, writes_second
from labelmint.tasks.cards import TaskCard

_QUOTES = '"“”„«»「」『』'


def stop_text(config: Generate, card: TaskCard, *, has_rows: bool) -> str:
    """Return what ends an answer: a line break, or an empty line where the answer has several fields."""
    both = card.pair_name is not None and not writes_second(config, card, has_rows=has_rows)
    return render.FIELDS_STOP if config.order == "text_first" or both else render.STOP


def candidates_of(
    config: Generate, card: TaskCard, planned: Planned, answers: Sequence[Completion]
) -> Iterator[Candidate]:
    """Yield a candidate for each answer to a prompt."""
    for number, (seed, answer) in enumerate(zip(planned.seeds, answers, strict=True)):
        text, text_pair, label = parse_answer(config, card, planned.spec, answer.text)
        row = Candidate(
            id=f"s{planned.first + number:06d}",
            text=text,
            label=label,
            prompt_id=planned.prompt["id"],
            demonstration_ids=planned.prompt["demonstration_ids"],
            method=planned.prompt["method"],
            values=planned.prompt["values"],
            seed=seed,
            tokens=answer.tokens,
            finish_reason=answer.finish_reason,
        )
        if text_pair is not None:
            row["text_pair"] = text_pair
        yield row


def parse_answer(
    config: Generate, card: TaskCard, spec: PromptSpec, answer: str
) -> tuple[str, str | None, str]:
    """Return an answer's text, second text and label; "" if the model was to name a label and named none."""
    label = spec.label
    if config.order == "text_first":
        answer, *after = re.split(rf"\n{re.escape(card.question)}[:：]", answer, maxsplit=1)
        label = _label_in(card, "".join(after))
    text = join(spec.start, answer) if spec.start else answer
    if card.pair_name is None:
        return one_line(text), None, label
    if spec.first_text:
        return spec.first_text, one_line(text), label
    header = render.pair_header(card, spec.label)
    if config.order == "text_first":
        header = f"{render.capital(card.pair_name)}:"
    first, _, second = text.partition(f"\n{header}")
    return one_line(first), one_line(second), label


def one_line(text: str) -> str:
    """Join lines and runs of white space by single spaces, and remove quotation marks around the whole."""
    text = " ".join(text.replace("\0", " ").split())
    marks = [at for at, char in enumerate(text) if char in _QUOTES]
    if len(marks) == 2 and marks == [0, len(text) - 1]:
        return text[1:-1].strip()
    # The prompt may have opened the quotation that ends here.
    if len(marks) % 2 == 1 and marks[-1] == len(text) - 1:
        return text[:-1].strip()
    return text


def _label_in(card: TaskCard, text: str) -> str:
    phrase = _bare(text.strip().split("\n")[0])
    return next((label.name for label in card.labels.values() if _bare(label.phrase) == phrase), "")


def _bare(phrase: str) -> str:
    return phrase.strip(" .,;!*。，；！" + _QUOTES).casefold()
