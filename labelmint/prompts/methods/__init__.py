"""The prompt methods, one small module each; docs/methods.md shows a prompt of every one."""

from __future__ import annotations

from collections.abc import Mapping

from labelmint.core.errors import ParamsError
from labelmint.core.params import METHODS, Generate
from labelmint.prompts.brief import Method
from labelmint.prompts.methods import (
    attributes,
    few_shot,
    one_shot,
    persona,
    template,
    zero_shot,
    zero_shot_topic,
)
from labelmint.tasks.cards import TaskCard, card_path

BRIEFS: dict[str, Method] = {
    "zero_shot": zero_shot.brief,
    "one_shot": one_shot.brief,
    "few_shot": few_shot.brief,
    "zero_shot_topic": zero_shot_topic.brief,
    "attributes": attributes.brief,
    "persona": persona.brief,
    "template": template.brief,
}

# Methods that can't do without real rows of each label.
NEED_ROWS = ("one_shot", "few_shot")


def shares(config: Generate, card: TaskCard, task: str, real_rows: int) -> dict[str, float]:
    """Return the methods to use and their shares, which sum to 1.

    `auto` is what the task card recommends, or few_shot, or zero_shot where there are no real rows.

    Raises
    ------
    ParamsError
        If a method needs real rows and there are none, or doesn't go with `order` or `demonstrations`, or if
        the card recommends an unknown one.
    """
    wanted: Mapping[str, float] | str = config.method
    if wanted == "auto":
        wanted = _recommended(card, task, real_rows)
    if isinstance(wanted, str):
        wanted = {wanted: 1.0}
    used = {name: share / sum(wanted.values()) for name, share in wanted.items() if share > 0}
    for name in used:
        if name in NEED_ROWS and not real_rows:
            raise ParamsError(
                f"params.yaml: generate.method: {name} shows real rows, but real.rows is 0; "
                "choose zero_shot, zero_shot_topic, attributes or persona"
            )
        if config.order == "text_first" and name not in NEED_ROWS:
            raise ParamsError(
                f"params.yaml: generate.order: text_first shows labelled real rows, and {name} is used; set "
                "generate.method: few_shot or one_shot, with real.rows above 0"
            )
        if name == "few_shot" and not config.demonstrations:
            raise ParamsError(
                "params.yaml: generate.demonstrations: few_shot shows real rows, so it can't be 0; raise it, "
                "or choose zero_shot"
            )
    return used


def _recommended(card: TaskCard, task: str, real_rows: int) -> str:
    name = card.method or "few_shot"
    if name not in METHODS:
        raise ParamsError(f"{card_path(task)}: method: no method {name!r}; there are {', '.join(METHODS)}")
    return "zero_shot" if name in NEED_ROWS and not real_rows else name


def kinds(methods: Mapping[str, float], card: TaskCard, task: str) -> list[str]:
    """Return the kinds of ideas that the methods draw; raise `ParamsError` if a template can't be read."""
    needed: list[str] = []
    for name in methods:
        match name:
            case "zero_shot_topic":
                needed += zero_shot_topic.KINDS
            case "persona":
                needed += persona.KINDS
            case "attributes":
                needed += attributes.kinds(card)
            case "template":
                template.check(card, task)
                needed += template.kinds(card)
    return list(dict.fromkeys(needed))
