"""Plan the prompts: which label, which method, which real rows and seeds, by (stage seed, prompt number)."""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

import numpy as np

from labelmint.core.errors import ParamsError
from labelmint.core.params import Generate
from labelmint.core.records import Prompt
from labelmint.llm.base import PromptGroup
from labelmint.prompts import render
from labelmint.prompts.facts import facts_by_label
from labelmint.prompts.methods import METHODS, method_shares
from labelmint.prompts.spec import Context, Ideas, PromptSpec
from labelmint.tasks.balance import class_balance
from labelmint.tasks.split import listed
from labelmint.tasks.task import Task

# With more, a label's share is too small to be meant.
_MOST_PROMPTS = 10_000


@dataclass(frozen=True)
class Planned:
    """A prompt and the seeds of the texts to be written from it; `first` is the number of the first text."""

    prompt: Prompt
    first: int
    seeds: tuple[int, ...]
    spec: PromptSpec

    @property
    def group(self) -> PromptGroup:
        """What the language model needs of it."""
        return PromptGroup(self.prompt["text"], self.seeds)


class Planner:
    """Plans prompts one by one; a prompt depends on its number, label, method and turn alone.

    `methods` are their shares by name; `template` is None for a base model. Without `ideas`, as for a trial,
    a placeholder stands for each.
    """

    def __init__(
        self,
        task: Task,
        methods: Mapping[str, float],
        template: render.ChatTemplate | None = None,
        ideas: Ideas | None = None,
    ) -> None:
        config, card, rows = task.params.generate, task.card, task.train
        self.config, self.card, self.template, self.rows = config, card, template, rows
        by_label = {name: [row for row in rows if row["label"] == name] for name in card.label_names}
        ideas = defaultdict(lambda: ["…"]) if ideas is None else ideas
        self.context = Context(config, card, by_label, ideas, facts_by_label(config, card, task.facts))
        self.methods = methods

    def plan(self, labels: Iterable[str]) -> list[list[Planned]]:
        """Return waves of one prompt per label; methods take turns within each label by their shares."""
        turns: dict[str, Iterator[str]] = {}
        before: Counter[tuple[str, str]] = Counter()
        planned = []
        for number, label in enumerate(labels):
            method = next(turns.setdefault(label, in_turn(self.methods)))
            planned.append(self.prompt(number, label, method, before[label, method]))
            before[label, method] += 1
        return self.waves(planned)

    def waves(self, planned: Sequence[Planned]) -> list[list[Planned]]:
        """Divide prompts into waves."""
        size = self.config.prompts_per_wave
        return [list(planned[start : start + size]) for start in range(0, len(planned), size)]

    def prompt(self, number: int, label: str, method: str, turn: int = 0) -> Planned:
        """Plan one prompt; `turn` counts the earlier ones of the label and method."""
        samples, spec = self.config.samples_per_prompt, self._spec(number, label, method, turn)
        text = self._render(spec)
        prompt = Prompt(
            id="p" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12],
            label=label,
            text=text,
            demonstration_ids=[row["id"] for row in spec.demonstrations],
            method=method,
            values=spec.values,
        )
        seeds = np.random.SeedSequence([self.config.seed, number]).generate_state(samples)
        return Planned(prompt, number * samples, tuple(map(int, seeds)), spec)

    def _spec(self, number: int, label: str, method: str, turn: int) -> PromptSpec:
        draw = random.Random(f"{self.config.seed}:{number}")
        spec = METHODS[method].make_spec(label, draw, replace(self.context, turn=turn))
        if not self.context.writes_second:
            return spec
        # A row of any label, since the second text decides the pair's label. Not one that is shown with its
        # second text, which would be copied.
        hidden = [row for row in self.rows if row not in spec.demonstrations] or self.rows
        return replace(spec, first_text=draw.choice(hidden)["text"])

    def _render(self, spec: PromptSpec) -> str:
        if self.config.order == "text_first":
            return render.text_first_prompt(self.card, spec, self.template)
        if self.template:
            return render.chat_prompt(self.card, spec, self.template, self.config.max_new_tokens)
        return render.base_prompt(self.card, spec)


def checked_shares(
    task: Task, template: render.ChatTemplate | None = None
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the shares of the labels and of the methods, after a trial of a prompt of each.

    Raises `ParamsError` or `DataError` if a label or method is unknown, has too few rows to show, or suits
    neither settings nor card.
    """
    params, card, rows = task.params, task.card, task.train
    labels = class_balance(params.class_balance, card, rows)
    methods = method_shares(params.generate, card, params.task, len(rows))
    trial = Planner(task, methods, template)
    for label, method in product(labels, methods):
        trial.prompt(0, label, method)
    return labels, methods


def check_every_label(config: Generate, shares: Mapping[str, float]) -> None:
    """Raise `ParamsError` if the prompts are too few for the labels; say which settings give each one."""
    drawn, wave = drawn_labels(config, shares), config.prompts_per_wave
    missing = sorted(set(shares) - set(drawn))
    if not missing:
        return
    waves = -(-_prompts_needed(shares) // wave)
    remedy = f"generate.candidates: {waves * wave * config.samples_per_prompt}"
    # Of whole waves the last one may have a single candidate.
    samples = (config.candidates - 1) // ((waves - 1) * wave) if waves > 1 else 0
    remedy += f", or generate.samples_per_prompt: {samples}" if samples else ""
    raise ParamsError(
        f"params.yaml: generate.candidates={config.candidates} make {len(drawn)} prompts of "
        f"{config.samples_per_prompt} texts, too few to write for {listed(missing)}; say "
        + (remedy if waves else "class_balance: balanced, or larger shares")
    )


def _prompts_needed(shares: Mapping[str, float]) -> int:
    """Return how many prompts it takes to have one of every label; 0: more than anyone wants."""
    seen = set()
    for number, name in enumerate(islice(in_turn(shares), _MOST_PROMPTS), 1):
        seen.add(name)
        if len(seen) == len(shares):
            return number
    return 0


def drawn_labels(config: Generate, shares: Mapping[str, float]) -> list[str]:
    """Return the labels of all prompts: in turn, by their shares.

    A higher `candidates` only appends prompts, so that the cache still has the earlier texts.
    """
    per_wave = config.prompts_per_wave * config.samples_per_prompt
    count = -(-config.candidates // per_wave) * config.prompts_per_wave
    turn = in_turn(shares)
    return [next(turn) for _ in range(count)]


def in_turn(shares: Mapping[str, float]) -> Iterator[str]:
    """Yield names without end, each as often as its share: the one furthest behind is next."""
    total = sum(shares.values())
    taken = dict.fromkeys(shares, 0)
    number = 0
    while True:
        number += 1
        # round(): with equal shares the floats' last bits must not decide whose turn it is.
        behind = {name: round(share / total * number - taken[name], 9) for name, share in shares.items()}
        name = max(behind, key=lambda each: behind[each])
        taken[name] += 1
        yield name


def distinct(waves: Iterable[Sequence[Planned]]) -> list[Prompt]:
    """Return each distinct prompt once, in order of first use."""
    prompts: dict[str, Prompt] = {}
    for planned in (planned for wave in waves for planned in wave):
        prompts.setdefault(planned.prompt["id"], planned.prompt)
    return list(prompts.values())
