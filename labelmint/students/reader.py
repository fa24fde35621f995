"""The LLM itself as a classifier: shown a few real rows, it reads the test inputs.

A language model prefers some labels whatever the text says. Test inputs have no written label to centre by,
as candidates have, and their labels stay out of reach; so one offset per label is chosen such that the mean
probability of each label is its share of the real rows (prior matching, Liusie et al. 2023). The mean score
would do for balanced labels, but give a rare label as many texts as a common one. The offsets are fitted on
the test inputs and the real rows that aren't shown: without these, a handful of test rows would be forced
into shares that they needn't have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize

from labelmint.core.errors import ModelError
from labelmint.core.params import Params
from labelmint.core.progress import progress
from labelmint.core.records import Input, Labelled
from labelmint.labelling.verify import Floats, Verifier, demonstrations, log_softmax, reading_prompt
from labelmint.llm.base import LanguageModel
from labelmint.tasks.cards import TaskCard, row_text


@dataclass(frozen=True)
class Answers:
    """The LLM's labels of the test inputs, as probabilities.

    Attributes
    ----------
    probabilities : shape (test rows, labels)
        By the first draw of demonstrations.
    draws : shape (draws, `draw_rows`, labels)
        Of the first test inputs, by each draw; empty where there is one draw.
    offsets : dict
        By label: what the first draw's log-probabilities lost.
    note : str
        Why there are none.
    """

    probabilities: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    draws: Floats = field(default_factory=lambda: np.zeros((0, 0, 0)))
    demonstrations: int = 0
    offsets: dict[str, float] = field(default_factory=dict)
    note: str = ""


def answers(
    params: Params,
    card: TaskCard,
    train: Sequence[Labelled],
    test: Sequence[Input],
    model: LanguageModel,
) -> Answers:
    """Have all test inputs read after the first draw of demonstrations, and some after each further one.

    Raises
    ------
    ModelError
        If the demonstrations and a text don't fit the model's context.
    """
    if "score" not in model.abilities:
        return Answers(note="this model or backend can't read")
    shown = demonstrations(params.filter, card, train)
    some = test[: params.baselines.draw_rows]
    # Where nothing is shown all draws are one.
    draws = params.baselines.draws if shown and some else 1
    total = len(test) + (draws - 1) * len(some) + draws * (len(train) - len(shown))
    with progress(total, "read", "texts") as bar:
        found, offsets = _read(params, card, train, test, model, 0, bar.update)
        by_draw = [found[: len(some)]]
        for draw in range(1, draws):
            by_draw.append(_read(params, card, train, some, model, draw, bar.update)[0])
    said = {name: round(float(own), 4) for name, own in zip(card.label_names, offsets, strict=True)}
    return Answers(found, np.stack(by_draw if draws > 1 else [found[:0]]), len(shown), said)


def _read(
    params: Params,
    card: TaskCard,
    train: Sequence[Labelled],
    test: Sequence[Input],
    model: LanguageModel,
    draw: int,
    on_texts: Callable[[int], object],
) -> tuple[Floats, Floats]:
    """Return the inputs' probabilities after a draw of demonstrations, and the offsets."""
    # Draw 0 shows what the filter shows, whose reading of the other real rows is in the journal.
    seeded = params.filter.model_copy(update={"seed": params.filter.seed + draw})
    shown = demonstrations(seeded, card, train)
    hidden = [row for row in train if row not in shown]
    reader = Verifier(card, reading_prompt(card, shown), model)
    try:
        scores, real = (
            reader.read([row_text(card, row) for row in rows], on_texts) for rows in (test, hidden)
        )
    except ModelError as error:
        raise ModelError(f"{error}; or take llm out of baselines.names") from None
    offsets = matching(np.concatenate([scores, real]), prior(card.label_names, train))
    return np.exp(log_softmax(scores - offsets)), offsets


def prior(names: Sequence[str], train: Sequence[Labelled]) -> Floats:
    """Return the labels' shares of the real rows, equal if there are none; no row counts as half of one."""
    counts = Counter(row["label"] for row in train)
    weights = np.array([counts[name] or 0.5 for name in names], np.float64)
    return weights / weights.sum()


def matching(scores: Floats, shares: Floats) -> Floats:
    """Return the offsets, of mean 0, with which the mean probability of each label is its share.

    Parameters
    ----------
    scores : shape (rows, labels)
        Log-probabilities.
    shares : shape (labels,)
    """

    # Its gradient is mean probability minus share: convex, so the offsets are the only ones.
    def loss(plus: Floats) -> tuple[float, Floats]:
        raised = scores + plus
        top = raised.max(axis=1, keepdims=True)
        total = np.log(np.exp(raised - top).sum(axis=1)) + top[:, 0]
        return float(total.mean() - shares @ plus), np.exp(log_softmax(raised)).mean(axis=0) - shares

    best = minimize(loss, np.zeros(len(shares)), jac=True, method="BFGS", options={"gtol": 1e-6}).x
    return np.asarray(best.mean() - best)
