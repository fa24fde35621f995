"""`zero_shot_topic`: name a topic of the domain, without demonstrations (Li et al. 2024)."""

from __future__ import annotations

import random

from labelmint.prompts.spec import Context, Method, PromptSpec


def make_spec(label: str, draw: random.Random, context: Context) -> PromptSpec:
    """Ask for a text about one topic."""
    topic = context.idea("topic", label, draw)
    return PromptSpec(label, modifiers=(f"about {topic}",), values={"topic": topic})


METHOD = Method(
    name="zero_shot_topic",
    summary="the same and a topic (Li et al. 2024)",
    make_spec=make_spec,
    idea_kinds=lambda card: ("topic",),
)
