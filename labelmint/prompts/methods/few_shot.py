"""`few_shot`: `generate.demonstrations` real rows are shown (Li et al. 2024)."""

from __future__ import annotations

import random

from labelmint.prompts.brief import Brief, Context


def brief(label: str, draw: random.Random, context: Context) -> Brief:
    """Show real rows of the label, or of all labels if `demonstration_labels` is "all"."""
    return Brief(label, shown=context.demonstrations(label, context.config.demonstrations, draw))
