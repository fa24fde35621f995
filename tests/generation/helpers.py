"""Planning without a model."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from labelmint.core.params import Generate
from labelmint.core.records import Fact, Labelled
from labelmint.generation.plan import Planned, Planner, drawn_labels
from labelmint.prompts.render import ChatTemplate
from labelmint.prompts.spec import Ideas
from labelmint.tasks.cards import TaskCard
from labelmint.tasks.task import Task
from tests.builders import card, labelled, section, shipped

# No text is a part of another one or of a prompt's frame.
ROWS = [labelled(label, number, f"{label}-text-{number:03d}.") for label in ("negative", "positive")
        for number in range(12)]  # fmt: skip
TEXTS = {row["id"] + row["label"]: row["text"] for row in ROWS}
IDEAS: Ideas = {
    ("topic", "negative"): ["the plot"],
    ("topic", "positive"): ["the music"],
    ("style", ""): ["short and dry"],
    ("persona", ""): ["a nurse"],
}
TABLE: dict[str, Any] = {"path": "data/raw/facts.csv", "words": "with {actor} as {part}", "balance": "part"}
FACTS: list[Fact] = [
    {"label": "", "values": {"actor": f"actor {number}", "part": part}}
    for number, part in enumerate(["hero", "villain", "hero", "hero"])
]
PAIR_CARD: dict[str, Any] = {
    "description": "pairs of sentences",
    "text_name": "premise",
    "pair_name": "hypothesis",
    "question": "Relation",
    "source": {
        "path": "data/raw/rows.csv",
        "text_column": "text",
        "pair_column": "pair",
        "label_column": "label",
    },
}
PAIRS: list[Labelled] = [
    {**row, "text": f"first {row['text']}", "text_pair": f"second {row['text']}"} for row in ROWS
]


def config(**changes: Any) -> Generate:
    """Return small `generate` settings."""
    settings = {
        "seed": 1,
        "candidates": 24,
        "demonstrations": 3,
        "samples_per_prompt": 2,
        "prompts_per_wave": 4,
    }
    made: Generate = section("generate", **{**settings, **changes})
    return made


def planned(
    rows: Sequence[Labelled] = ROWS,
    the_card: TaskCard | None = None,
    template: ChatTemplate | None = None,
    methods: Mapping[str, float] | None = None,
    shares: Mapping[str, float] | None = None,
    ideas: Ideas = IDEAS,
    facts: Sequence[Fact] = FACTS,
    sampling: Mapping[str, Any] | None = None,
    **changes: Any,
) -> list[list[Planned]]:
    """Return the waves of small settings: few_shot with balanced labels, unless given."""
    settings, the_card = config(facts=dict(sampling or {}), **changes), the_card or card(facts=TABLE)
    labels = drawn_labels(settings, shares or dict.fromkeys(the_card.label_names, 1.0))
    params = shipped().model_copy(update={"generate": settings})
    task = Task(params, the_card, rows, facts=facts)
    return Planner(task, methods or {"few_shot": 1.0}, template, ideas).plan(labels)


def flat(waves: Iterable[Sequence[Planned]]) -> list[Planned]:
    """Return all prompts."""
    return [each for wave in waves for each in wave]


def labels_of(waves: Iterable[Sequence[Planned]]) -> Counter[str]:
    """Count the prompts by label."""
    return Counter(each.prompt["label"] for each in flat(waves))
