"""`persona`: the text is written by someone (Ge et al. 2024, "… Data Creation with 1,000,000,000 Personas").

With real rows, `generate.demonstrations` of them are shown.
"""

from __future__ import annotations

import random

from labelmint.prompts.brief import Brief, Context

KINDS = ("persona",)


def brief(label: str, draw: random.Random, context: Context) -> Brief:
    """Ask for a text by one persona."""
    persona = context.idea("persona", label, draw)
    shown = context.further(label, draw)
    return Brief(label, shown=shown, wishes=(f"by {persona}",), values={"persona": persona})
