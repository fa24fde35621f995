"""Real and synthetic texts side by side, measured on several samples of equal size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from labelmint.core.arrays import Floats32, Ints
from labelmint.core.progress import progress
from labelmint.describe.distributions import fit_topics, topic_spread
from labelmint.describe.diversity import diversity
from labelmint.describe.fidelity import FOLDS, likeness
from labelmint.describe.texts import Texts, cut, draws, words_of

Embed = Callable[[Sequence[str]], Floats32]
Scores = dict[str, float]

# Of each kind in a sample; fewer leave a classifier's fold without two of each.
MIN_TEXTS = 2 * FOLDS
# More say the same and take longer.
_MAX_TEXTS = 10_000


@dataclass(frozen=True)
class Sampling:
    """`subsamples` samples of at most `texts` texts from each set; measures are averaged over them."""

    texts: int = 400
    subsamples: int = 5
    seed: int = 1


def equal_texts(texts: Sequence[str], words: int, seed: int) -> list[str]:
    """Return the texts that have so many words, cut to them, in an order that theirs doesn't change."""
    long_enough = [part for text in sorted(texts) if (part := cut(text, words)) is not None]
    if len(long_enough) <= _MAX_TEXTS:
        return long_enough
    chosen = np.random.default_rng(seed).permutation(len(long_enough))[:_MAX_TEXTS]
    return [long_enough[at] for at in sorted(chosen.tolist())]


def sample_size(config: Sampling, real: int, synthetic: int) -> tuple[int, bool]:
    """Return the number of texts per sample, and whether there are enough to compare the two sets.

    Comparing takes two real samples: one to compare with, and one to be compared like the synthetic one.
    """
    if real >= 2 * MIN_TEXTS and synthetic >= MIN_TEXTS:
        return min(config.texts, real // 2, synthetic), True
    return min(config.texts, synthetic), False


def measure_subsamples(
    config: Sampling,
    real: Sequence[str],
    synthetic: Sequence[str],
    embed: Embed,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return each set's diversity, and each set's likeness to other real texts, over the samples.

    Returns
    -------
    diversity, fidelity
        {set: {measure: {mean, sd}}} and {measure: {set: {mean, sd}}}. The set "real" is left out where
        there are too few texts to compare, and all of it where there are fewer than two synthetic ones.
    """
    size, both = sample_size(config, len(real), len(synthetic))
    if size < 2:
        return {}, {}
    plan = list(draws(len(real) if both else 0, len(synthetic), size, config.subsamples, config.seed))
    used = [
        np.concatenate([places for draw in plan for places in draw[:2]]),
        np.concatenate([draw[2] for draw in plan]),
    ]
    sides = embedded([real if both else [], synthetic], used, embed)
    spread: dict[str, list[Scores]] = {name: [] for name in ("real", "synthetic") if both or name != "real"}
    alike: dict[str, list[Scores]] = {name: [] for name in spread}
    # The BLAS's threads wait for each other in these small products.
    with threadpool_limits(1), progress(len(plan), "compare", "samples") as bar:
        for reference, other_real, written in plan:
            samples = {"real": sides[0].take(other_real), "synthetic": sides[1].take(written)}
            for name in spread:
                shown = measured(sides[0].take(reference), samples[name], config.seed)
                spread[name].append(shown[0])
                alike[name].append(shown[1])
            bar.update()
    likenesses = {name: averaged(samples) for name, samples in alike.items()}
    return (
        {name: averaged(samples) for name, samples in spread.items()},
        {
            key: {name: likeness[key] for name, likeness in likenesses.items()}
            for key in likenesses["synthetic"]
        },
    )


def measured(reference: Texts, sample: Texts, seed: int) -> tuple[Scores, Scores]:
    """Return a sample's diversity and its likeness to the reference, which may be empty."""
    scores = diversity(sample)
    if not len(reference):
        return scores, {}
    topics = fit_topics(reference.vectors, seed)
    spread = topic_spread(topics.predict(sample.vectors), topics.n_clusters)
    return scores | spread, likeness(reference, sample, topics, seed)


def embedded(sides: Sequence[Sequence[str]], used: Sequence[Ints], embed: Embed) -> list[Texts]:
    """Return both sets with the vectors of the texts at the places that are used; the others' stay 0."""
    wanted = [np.unique(places) for places in used]
    texts = [side[at] for side, places in zip(sides, wanted, strict=True) for at in places.tolist()]
    vectors = embed(texts)
    sets, start = [], 0
    for side, places in zip(sides, wanted, strict=True):
        full = np.zeros((len(side), vectors.shape[1]), np.float32)
        full[places] = vectors[start : start + len(places)]
        start += len(places)
        sets.append(Texts(list(side), [words_of(text) for text in side], full))
    return sets


def averaged(samples: Sequence[Mapping[str, float]]) -> dict[str, Scores]:
    """Return each measure's mean and standard deviation over the samples."""
    means = {}
    for key in samples[0]:
        values = [sample[key] for sample in samples]
        deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        means[key] = {"mean": round(float(np.mean(values)), 4), "sd": round(deviation, 4)}
    return means
