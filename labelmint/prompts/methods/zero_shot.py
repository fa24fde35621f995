"""`zero_shot`: use the task's words alone (Ye et al. 2022, "ZeroGen")."""

from __future__ import annotations

import random

from labelmint.prompts.spec import Context, Method, PromptSpec


def make_spec(label: str, _draw: random.Random, _context: Context) -> PromptSpec:
    """Ask for a text of the label."""
    return PromptSpec(label)


METHOD = Method(
    name="zero_shot", summary='the task\'s words alone (Ye et al. 2022, "ZeroGen")', make_spec=make_spec
)
