"""`persona`: name who writes the text (Ge et al. 2024, "… Data Creation with 1,000,000,000 Personas")."""

from __future__ import annotations

import random

from labelmint.prompts.spec import Context, Method, PromptSpec


def make_spec(label: str, draw: random.Random, context: Context) -> PromptSpec:
    """Ask for a text by one persona."""
    persona = context.idea("persona", label, draw)
    demonstrations = context.optional_demonstrations(label, draw)
    return PromptSpec(label, demonstrations, modifiers=(f"by {persona}",), values={"persona": persona})


METHOD = Method(
    name="persona",
    summary='someone who writes (Ge et al. 2024, "Persona Hub")',
    make_spec=make_spec,
    demonstrations="optional",
    idea_kinds=lambda card: ("persona",),
)
