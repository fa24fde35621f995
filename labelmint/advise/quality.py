"""How well each scorer labels real rows that it hasn't seen, and what follows from it.

A forecast: made data teach a student what its labellers know and the real rows alone don't. Where the pool of
scorers is right more often than a classifier of the same rows, the labels that it gives to other texts can
teach that classifier something.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from statsmodels.stats.proportion import proportion_confint

from labelmint.core.params import Params
from labelmint.core.records import Labelled
from labelmint.labelling.pool import MIN_ROWS
from labelmint.labelling.scores import LabelScores

# Points of accuracy from which the difference between the pool and the classifier is worth a run.
_WORTH_IT = 0.05


def _interval(share: float, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of so many rows (Wilson 1927)."""
    low, high = proportion_confint(round(share * rows), rows, method="wilson")
    return low, high


def accuracy_lines(params: Params, scores: LabelScores, rows: Sequence[Labelled]) -> Iterator[str]:
    """Yield a line for each scorer, with its interval; `rows` are the scored rows and others."""
    llm = params.llm.model if params.llm.backend == "llama_cpp" else params.llm.server.model or "the server's"
    names = {
        "llm": f"language model {llm}",
        "probe": "classifier on its hidden state",
        "classifier": f"classifier on {params.train.encoder}",
        "pooled": "all of them, weighted",
    }
    for scorer, share in scores.accuracy.items():
        low, high = _interval(share, len(scores.real))
        yield f"{names.get(scorer, scorer):<40}{share:>7.1%}  ({low:.1%} to {high:.1%})"
    scored = [row["label"] for row in rows if row["id"] in scores.real]
    commonest = max(Counter(scored).values(), default=0)
    yield f"{'always the commonest label':<40}{commonest / max(1, len(scored)):>7.1%}"


def forecast(scores: LabelScores, texts: int) -> Iterator[str]:
    """Yield whether labelling texts and writing new ones are likely to help; `texts` are there to label."""
    accuracy = scores.accuracy
    if "classifier" not in accuracy or "pooled" not in accuracy:
        yield (
            f"nothing to tell by: it takes {MIN_ROWS} real rows beside those shown to the language model, "
            "and a model and labelling.scorers that score labels"
        )
        return
    gain = accuracy["pooled"] - accuracy["classifier"]
    likely = "likely to help" if gain > _WORTH_IT else "may help a little" if gain > 0 else "will hardly help"
    points = f"{abs(gain) * 100:.1f} points {'more' if gain >= 0 else 'less'} often"
    yield f"the labels that texts will get are right {points} than a classifier's of the real rows alone"
    if texts:
        yield f"labelling the {texts:,} texts without labels: {likely}"
    else:
        yield "labelling texts: there are none; name some in the card (`unlabelled`): they teach most"
    yield f"writing new texts: {likely}{', less than as many real texts' if gain > 0 else ''}"
    low, high = _interval(accuracy["pooled"], len(scores.real))
    yield (
        f"this rests on {len(scores.real)} real rows, which leave ± {(high - low) * 50:.0f} points; a "
        "student learns at most what its labellers know"
    )
