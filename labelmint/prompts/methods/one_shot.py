"""`one_shot`: one real row is shown (Li et al. 2024)."""

from __future__ import annotations

import random

from labelmint.prompts.brief import Brief, Context


def brief(label: str, draw: random.Random, context: Context) -> Brief:
    """Show one real row of the label."""
    return Brief(label, shown=context.demonstrations(label, 1, draw))
