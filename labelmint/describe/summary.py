"""The content of metrics/data.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scipy.stats import wasserstein_distance

from labelmint.core.records import Labelled
from labelmint.describe.distributions import class_balance, js_distance, length_bins, lengths, log_odds
from labelmint.describe.diversity import most_repeated
from labelmint.describe.fidelity import telling
from labelmint.describe.memorisation import memorisation
from labelmint.describe.subsamples import (
    MIN_TEXTS,
    Embed,
    Sampling,
    equal_texts,
    measure_subsamples,
    sample_size,
)
from labelmint.describe.texts import common_words, words_of, written_part

# Entries per list: enough to see a pattern in, and the file stays small.
_SHOWN = 12
_FEW_TEXTS = 100


def describe(
    config: Sampling,
    names: Sequence[str],
    train: Sequence[Labelled],
    pool: Sequence[Labelled],
    kept: Sequence[Labelled],
    embed: Embed,
) -> dict[str, Any]:
    """Return the synthetic rows' description beside the real rows'; `names` are the labels in their order.

    Without synthetic rows it is a note.
    """
    if not kept:
        return {"notes": ["no synthetic rows were kept: there is nothing to describe"]}
    column, written = written_part(train, kept)
    rows = {"real": [*train, *pool], "synthetic": [*kept]}
    texts = {name: [text for row in group for text in written(row)] for name, group in rows.items()}
    counts = {name: [len(words_of(text)) for text in group] for name, group in texts.items()}
    words = common_words([*counts.values()])
    equal = {name: equal_texts(group, words, config.seed) for name, group in texts.items()}
    sizes = {name: len(group) for name, group in equal.items()}
    diversity, fidelity = measure_subsamples(config, equal["real"], equal["synthetic"], embed)
    size, both = sample_size(config, sizes["real"], sizes["synthetic"])
    bins = length_bins([*counts["real"], *counts["synthetic"]])
    copying = memorisation(kept, rows["real"], written, _SHOWN)
    parts = {"real": {"train_rows": len(train), "pool_rows": len(pool)}, "synthetic": {}}
    sets = {
        name: {"rows": len(group), **parts[name], "equal_texts": sizes[name]}
        | ({"labels": class_balance(names, group), "length": lengths(counts[name], bins)} if group else {})
        | (_variety(diversity[name], equal[name]) if name in diversity else {})
        | ({"memorisation": copying[name]} if name in copying else {})
        for name, group in rows.items()
    }
    if both:
        fidelity |= _differences(sets, counts, equal)
    return {
        "sample": {"texts": size, "words": words, "subsamples": config.subsamples, "column": column},
        "notes": _notes(rows, sizes, size),
        "length_bins": bins,
        "sets": sets,
        "fidelity": fidelity,
    }


def _variety(diversity: Mapping[str, Any], texts: Sequence[str]) -> dict[str, Any]:
    repeated = most_repeated([words_of(text) for text in texts], _SHOWN)
    phrases = [{"words": words, "share": round(count / len(texts), 4)} for words, count in repeated]
    return {"diversity": dict(diversity), "most_repeated": phrases}


def _differences(
    sets: Mapping[str, Any], counts: Mapping[str, Sequence[int]], equal: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return what is compared on all rows: labels, lengths, and which words tell the sets apart."""
    real, synthetic = ([words_of(text) for text in equal[name]] for name in ("real", "synthetic"))
    return {
        "label_js_distance": round(js_distance(sets["real"]["labels"], sets["synthetic"]["labels"]), 4),
        "length_wasserstein": round(float(wasserstein_distance(counts["real"], counts["synthetic"])), 2),
        "words": log_odds(real, synthetic, _SHOWN),
        "telling": telling(real, synthetic, _SHOWN),
    }


def _notes(rows: Mapping[str, Sequence[Labelled]], sizes: Mapping[str, int], size: int) -> list[str]:
    """Return what a reader must know before believing the numbers."""
    if not rows["real"]:
        return ["no real rows: the synthetic texts are described alone"]
    if sizes["real"] < 2 * MIN_TEXTS or sizes["synthetic"] < MIN_TEXTS:
        return [
            f"too few texts to compare: {sizes['real']} real and {sizes['synthetic']} synthetic ones have "
            f"the words, and {2 * MIN_TEXTS} and {MIN_TEXTS} are needed"
        ]
    if size < _FEW_TEXTS:
        return [
            f"{size} texts per sample are few: look at the deviations before the means, "
            "and not at the Fréchet distance"
        ]
    return []
