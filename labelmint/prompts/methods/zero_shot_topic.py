"""`zero_shot_topic`: no demonstration, but a topic of the domain (Li et al. 2024).

The topics are the task card's, or are asked from the LLM first; each prompt takes one.
"""

from __future__ import annotations

import random

from labelmint.prompts.brief import Brief, Context

KINDS = ("topic",)


def brief(label: str, draw: random.Random, context: Context) -> Brief:
    """Ask for a text about one topic."""
    topic = context.idea("topic", label, draw)
    return Brief(label, wishes=(f"about {topic}",), values={"topic": topic})
