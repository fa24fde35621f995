"""`zero_shot`: the task's words alone, no demonstration (Ye et al. 2022, "ZeroGen")."""

from __future__ import annotations

import random

from labelmint.prompts.brief import Brief, Context


def brief(label: str, draw: random.Random, context: Context) -> Brief:
    """Ask for a text of the label."""
    return Brief(label)
