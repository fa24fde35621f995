"""How much do texts repeat other texts? The longest run of words in common, beside that of real texts.

A language model that was shown real rows may write parts of them, which a share of common words doesn't show.
Chance makes short runs ("one of the best"): the real rows' runs in common with each other are the baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labelmint.core.arrays import Ints
from labelmint.core.records import Input
from labelmint.core.words import words_of
from labelmint.rules.runs import common_runs
from labelmint.rules.similarity import Words

# From this share of a text's words in long runs on, it is a near copy.
NEAR_COPY_SHARE = 0.5
_QUANTILES = (50, 90, 99, 100)
_BINS = 13  # runs of 0 to 11 words, and of 12 or more


def memorisation(
    synthetic: Sequence[Input], real: Sequence[Input], texts: Callable[[Input], tuple[str, ...]], worst: int
) -> dict[str, dict[str, Any]]:
    """Return how long the synthetic rows' runs in common with real ones are, and the real ones' with others.

    `texts` gives what is compared of a row; two texts of one row never are. `worst` of the synthetic texts,
    those with the longest runs, are named by their ids.
    """
    written, ids = _words(synthetic, texts)
    originals, real_ids = _words(real, texts)
    if not originals or not written:
        return {}
    count = len(written)
    groups = np.unique(np.array(real_ids), return_inverse=True)[1]
    runs = common_runs([*written, *originals], [*[-1] * count, *groups.tolist()])
    lengths, copied, others = (part[:count] for part in runs)
    by_length = [at for at in np.argsort(-lengths, kind="stable")[:worst].tolist() if lengths[at]]
    named = [
        {"id": ids[at], "real_id": real_ids[others[at] - count], "run_words": int(lengths[at])}
        for at in by_length
    ]
    of_real = common_runs(originals, groups.tolist())
    return {
        "real": _summary(*of_real[:2], originals),
        "synthetic": {**_summary(lengths, copied, written), "worst": named},
    }


def _words(rows: Sequence[Input], texts: Callable[[Input], tuple[str, ...]]) -> tuple[list[Words], list[str]]:
    """Return the words of the rows' texts, and the ids of their rows; the order of rows decides nothing."""
    pairs = [
        (words_of(text), row["id"]) for row in sorted(rows, key=lambda row: row["id"]) for text in texts(row)
    ]
    return [words for words, _ in pairs], [row_id for _, row_id in pairs]


def _summary(lengths: Ints, copied: Ints, texts: Sequence[Words]) -> dict[str, Any]:
    shares = copied / np.maximum(1, [len(words) for words in texts])
    near = int((shares >= NEAR_COPY_SHARE).sum())
    counts = np.bincount(np.minimum(lengths, _BINS - 1), minlength=_BINS)
    return {
        "mean_run_words": round(float(lengths.mean()), 2),
        "run_words": {
            f"p{share}": int(np.percentile(lengths, share, method="lower")) for share in _QUANTILES
        },
        "copied_word_share": round(float(copied.sum() / max(1, sum(map(len, texts)))), 4),
        "near_copies": near,
        "near_copy_share": round(near / len(texts), 4),
        "histogram": [round(float(count) / len(texts), 4) for count in counts],
    }
