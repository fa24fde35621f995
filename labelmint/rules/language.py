"""Which language is a text in? Judged only where the real rows are clearly of one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from labelmint.rules.similarity import words_of

# With fewer words "control-alt-delete simone" is French. From five on, none of 9,000 English film reviews and
# tweets is as unlikely to be English as `filter.language_probability` says.
MIN_WORDS = 5
MIN_TEXTS = 10
MIN_SHARE = 0.9

# Addresses and handles are of no language.
_NO_LANGUAGE = re.compile(r"(?:https?://|www\.|[@#])\S+")


def language_of(texts: Sequence[str]) -> str | None:
    """Return the language of nine in ten of the texts that are long enough, or None where there is none."""
    long = [said for text in texts if len(words_of(said := _said(text))) >= MIN_WORDS]
    if len(long) < MIN_TEXTS:
        return None
    found, count = Counter(_identifier().classify(text)[0] for text in long).most_common(1)[0]
    return found if count >= MIN_SHARE * len(long) else None


def other_language(text: str, usual: str, probability: float) -> dict[str, Any] | None:
    """Return evidence of a text's being in another language than the usual one."""
    said = _said(text)
    if len(words_of(said)) < MIN_WORDS:
        return None
    ranks = _identifier().rank(said)
    share = dict(ranks)[usual]
    language, most = ranks[0]
    # Names and numbers are of many languages a little, or of none ("zxx").
    if share > probability or most < 0.5 or language in (usual, "zxx"):
        return None
    return {"language": language, "usual": usual, "probability_of_usual": round(share, 4)}


def _said(text: str) -> str:
    return _NO_LANGUAGE.sub(" ", text).lower()


@cache
def _identifier() -> Any:
    # Here and not above: its model takes a second to load, which a run with the rule off needn't wait for.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
