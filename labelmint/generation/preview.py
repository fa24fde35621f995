"""Show a prompt and five texts per label and method in about a minute, writing nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from labelmint.core import paths
from labelmint.core.params import Params
from labelmint.core.quoting import printable
from labelmint.core.records import Candidate, Fact, Labelled, read_rows
from labelmint.generation.plan import Planned
from labelmint.generation.session import Session, ended
from labelmint.llm import open_model
from labelmint.tasks.cards import TaskCard, load_card
from labelmint.tasks.task import Task

ROWS = 5


def preview(params: Params) -> None:
    """Print a prompt and five texts of each label, by each method; the project's files stay as they are."""
    card, rows = load_card(params.task), read_rows(paths.REAL_TRAIN, Labelled)
    task = Task(params, card, rows, facts=read_rows(paths.FACTS, Fact))
    with open_model(params.llm) as model:
        session = Session(task.changed({"generate.samples_per_prompt": ROWS}), model)
        pairs = enumerate(product(card.label_names, session.methods))
        prompts = [session.planner.prompt(number, *pair) for number, pair in pairs]
        candidates, seconds = session.write(session.planner.waves(prompts), "preview")
    for place, planned in enumerate(prompts):
        texts = candidates[place * ROWS : (place + 1) * ROWS]
        print(printable("\n".join(_prompt_lines(planned, texts, card))))
    print("\n".join(_summary_lines(params, session, candidates, seconds)))


def _prompt_lines(planned: Planned, rows: Sequence[Candidate], card: TaskCard) -> Iterator[str]:
    yield f"=== {planned.prompt['label']} ({planned.prompt['method']}), the prompt:"
    yield planned.prompt["text"]
    yield ""
    for row in rows:
        label = "" if row["label"] == planned.prompt["label"] else f" [{row['label'] or 'no label'}]"
        ending = "" if row["finish_reason"] == "stop" else " [cut off]"
        yield f"  · {row['text']}{label}{ending}"
        if "text_pair" in row:
            yield f"    {card.pair_name}: {row['text_pair']}"
    yield ""


def _summary_lines(
    params: Params, session: Session, candidates: Sequence[Candidate], seconds: float
) -> Iterator[str]:
    finished, tokens = sum(map(ended, candidates)), sum(row["tokens"] for row in candidates)
    yield f"=== `dvc repro generate` would write {params.generate.candidates} texts"
    yield f"  methods: {_percent(session.methods)}"
    yield f"  labels:  {_percent(session.shares)}"
    yield (
        f"  ended within max_new_tokens: {finished} of {len(candidates)}, {tokens / len(candidates):.0f} "
        f"tokens each, {tokens / max(seconds, 1e-9):.0f} tokens/s (whole waves are faster)"
    )


def _percent(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
