"""Which language is a text in? Asked only where the real rows are clearly of one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from labelmint.core.words import words_of

# With fewer words "control-alt-delete simone" is French. From five on, none of 9,000 English film reviews and
# tweets is as unlikely to be English as `MAX_PROBABILITY` says.
MIN_WORDS = 5
# Of the usual language, up to which a text is in another one.
MAX_PROBABILITY = 0.02
MIN_TEXTS = 10
MIN_SHARE = 0.9

# Addresses and handles are of no language.
_NO_LANGUAGE = re.compile(r"(?:https?://|www\.|[@#])\S+")


def language_of(texts: Sequence[str]) -> str | None:
    """Return the language of nine in ten of the texts that are long enough, or None where there is none."""
    long = [text for text in map(_plain, texts) if len(words_of(text)) >= MIN_WORDS]
    if len(long) < MIN_TEXTS:
        return None
    language, count = Counter(_identifier().classify(text)[0] for text in long).most_common(1)[0]
    return language if count >= MIN_SHARE * len(long) else None


def other_language(text: str, usual: str) -> dict[str, Any] | None:
    """Return evidence that a text is in another language than the usual one, or None."""
    plain = _plain(text)
    if len(words_of(plain)) < MIN_WORDS:
        return None
    ranks = _identifier().rank(plain)
    share = dict(ranks)[usual]
    language, most = ranks[0]
    # Names and numbers are of many languages a little, or of none ("zxx").
    if share > MAX_PROBABILITY or most < 0.5 or language in (usual, "zxx"):
        return None
    return {"language": language, "usual": usual, "probability_of_usual": round(share, 4)}


def _plain(text: str) -> str:
    return _NO_LANGUAGE.sub(" ", text).lower()


@cache
def _identifier() -> Any:
    # Here, because its model takes a second to load, which a run with the rule disabled needn't wait for.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
