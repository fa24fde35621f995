"""`one_shot`: show one real row (Li et al. 2024)."""

from __future__ import annotations

import random

from labelmint.prompts.spec import Context, Method, PromptSpec


def make_spec(label: str, draw: random.Random, context: Context) -> PromptSpec:
    """Show one row of the label."""
    return PromptSpec(label, context.demonstrations(label, 1, draw))


METHOD = Method(name="one_shot", summary="one real row", make_spec=make_spec, demonstrations="required")
