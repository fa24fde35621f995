"""The language that texts are in, where it is clear."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

# One line is too short to tell by; twenty together are long enough.
_LINES = 20
_MAX_CHUNKS = 50
_CLEAR = 0.9


def language_of(texts: Sequence[str]) -> str | None:
    """Return the ISO 639-1 code of the language of at least nine tenths of the texts; None: not clear."""
    import py3langid

    chunks = [" ".join(texts[start : start + _LINES]) for start in range(0, len(texts), _LINES)]
    step = max(1, len(chunks) // _MAX_CHUNKS)
    languages = Counter(py3langid.classify(chunk)[0] for chunk in chunks[::step])
    if not languages:
        return None
    language, count = languages.most_common(1)[0]
    return str(language) if count >= _CLEAR * languages.total() else None
