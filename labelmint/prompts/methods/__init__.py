"""The prompt methods: one file and one line of `METHODS` each.

docs/explanation/prompt_methods.md describes each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from labelmint.core.errors import ParamsError
from labelmint.core.params import Generate
from labelmint.prompts.methods import (
    attributes,
    few_shot,
    grounded,
    one_shot,
    persona,
    template,
    zero_shot,
    zero_shot_topic,
)
from labelmint.prompts.spec import Method
from labelmint.tasks.cards import TaskCard, card_path

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        zero_shot.METHOD,
        one_shot.METHOD,
        few_shot.METHOD,
        zero_shot_topic.METHOD,
        attributes.METHOD,
        persona.METHOD,
        template.METHOD,
        grounded.METHOD,
    )
}


def method_shares(config: Generate, card: TaskCard, task: str, real_rows: int) -> dict[str, float]:
    """Return the methods to use and their shares, which sum to 1.

    `auto` is what the task card recommends, or grounded if it has `facts`, or few_shot, or zero_shot where
    there are no real rows. Raises `ParamsError` if rows, settings or card don't suit a method, or if the
    card recommends an unknown one.
    """
    wanted: Mapping[str, float] | str = config.method
    if wanted == "auto":
        wanted = _recommended(card, task, real_rows)
    if isinstance(wanted, str):
        wanted = {wanted: 1.0}
    shares = {name: share / sum(wanted.values()) for name, share in wanted.items() if share > 0}
    for name in shares:
        if METHODS[name].demonstrations == "required" and not real_rows:
            raise ParamsError(
                f"params.yaml: generate.method: {name} shows real rows, but real.rows is 0; choose "
                + _any_of(name for name, method in METHODS.items() if method.demonstrations != "required")
            )
    check_order(config, shares)
    for name in shares:
        METHODS[name].check(config, card, task)
    return shares


def check_order(config: Generate, methods: Iterable[str]) -> None:
    """Raise `ParamsError` if texts are to come before labels by a method that need not show rows."""
    usable = [name for name, method in METHODS.items() if method.demonstrations == "required"]
    for name in methods:
        if config.order == "text_first" and name not in usable:
            raise ParamsError(
                f"params.yaml: generate.order: text_first shows labelled real rows, and {name} is used; set "
                f"generate.method: {_any_of(usable)}, with real.rows above 0"
            )


def idea_kinds(methods: Iterable[str], card: TaskCard) -> list[str]:
    """Return the kinds of ideas that the methods draw, each once."""
    return list(dict.fromkeys(kind for name in methods for kind in METHODS[name].idea_kinds(card)))


def _recommended(card: TaskCard, task: str, real_rows: int) -> str:
    name = card.method or ("grounded" if card.facts else "few_shot")
    if name not in METHODS:
        raise ParamsError(f"{card_path(task)}: method: no method {name!r}; there are {', '.join(METHODS)}")
    return "zero_shot" if METHODS[name].demonstrations == "required" and not real_rows else name


def _any_of(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}"
