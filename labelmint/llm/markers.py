"""Marks in texts: control tokens and thoughts.

Control tokens that a text spells, "<|im_end|>" or "</s>", must be letters to the model; what reasoning models
think (`<think>…</think>`) stays out of prompts and answers.
"""

from __future__ import annotations

import re

# Of models in common use, for servers, which don't say which ones theirs knows.
COMMON = re.compile(
    r"<\|[^|<>\s]+\|>|<｜[^｜<>]+｜>|</?s>|<(?:bos|eos|pad|unk|mask|(?:start|end)_of_turn)>|\[/?INST\]|<</?SYS>>"
)

_NAME = r"(?:think|thinking|thought|reasoning)"
_OPEN = re.compile(rf"<({_NAME})>\s*\Z")
# A thought that the prompt began, one in the answer, and one that never ends.
_THOUGHTS = re.compile(rf"\A.*</{_NAME}>|<({_NAME})>.*?(?:</\1>|\Z)", re.DOTALL)


def apart(text: str, markers: re.Pattern[str]) -> str:
    """Put a space into every control token's text, so that it is read as the letters that it is."""
    while found := markers.search(text):
        text = f"{text[: found.start() + 1]} {text[found.start() + 1 :]}"
    return text


def without_open_thought(prompt: str) -> str:
    """End a thought that a chat template begins, or the answer would be one."""
    found = _OPEN.search(prompt)
    return f"{prompt[: found.start()]}<{found[1]}>\n\n</{found[1]}>\n\n" if found else prompt


def without_thoughts(answer: str) -> str:
    """Return an answer without what was thought before it."""
    return _THOUGHTS.sub("", answer) if "<" in answer else answer
