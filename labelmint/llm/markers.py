"""Control tokens that a text spells, "<|im_end|>" or "</s>": to the model they must be letters."""

from __future__ import annotations

import re

# Of models in common use, for servers, which don't say which ones theirs knows.
COMMON = re.compile(
    r"<\|[^|<>\s]+\|>|<｜[^｜<>]+｜>|</?s>|<(?:bos|eos|pad|unk|mask|(?:start|end)_of_turn)>|\[/?INST\]|<</?SYS>>"
)


def apart(text: str, markers: re.Pattern[str]) -> str:
    """Put a space into every control token's text, so that it is read as the letters that it is."""
    while found := markers.search(text):
        text = f"{text[: found.start() + 1]} {text[found.start() + 1 :]}"
    return text
