"""Keep what reasoning models think (`<think>…</think>`) out of prompts and answers."""

from __future__ import annotations

import re

_NAME = r"(?:think|thinking|thought|reasoning)"
_OPEN = re.compile(rf"<({_NAME})>\s*\Z")
# A thought that the prompt began, one in the answer, and one that never ends.
_THOUGHTS = re.compile(rf"\A.*</{_NAME}>|<({_NAME})>.*?(?:</\1>|\Z)", re.DOTALL)


def without_open_thought(prompt: str) -> str:
    """End a thought that a chat template begins, or the answer would be one."""
    found = _OPEN.search(prompt)
    return f"{prompt[: found.start()]}<{found[1]}>\n\n</{found[1]}>\n\n" if found else prompt


def without_thoughts(answer: str) -> str:
    """Return an answer without what was thought before it."""
    return _THOUGHTS.sub("", answer) if "<" in answer else answer
