"""What it brings to pass the texts that a student is unsure of on to the language model."""

from __future__ import annotations

from typing import get_args

import numpy as np

from labelmint.scoring.scores import Floats, Ints, weighted_scores
from labelmint.tasks.balance import Metric

_SHARES = np.linspace(0, 1, 21)


def escalation(student: Floats, llm: Floats, truth: Ints) -> list[dict[str, float]]:
    """Return the scores by the share of texts that the language model answers, the least sure first.

    How sure it is, its highest probability, decides alone: no label chooses a text.

    Parameters
    ----------
    student, llm : shape (rows, labels)
        Probabilities of the same texts.
    truth : shape (rows,)
    """
    rows, labels = student.shape
    order = np.argsort(student.max(axis=1), kind="stable")
    answers = student.argmax(axis=1)
    once = np.ones((1, rows))
    curve = []
    for share in _SHARES:
        passed_on = order[: round(share * rows)]
        predicted = answers.copy()
        predicted[passed_on] = llm[passed_on].argmax(axis=1)
        accuracy, macro_f1 = (
            float(weighted_scores(metric, predicted[None], truth, once, labels)[0, 0])
            for metric in get_args(Metric)
        )
        point = {"share": round(float(share), 2), "accuracy": round(accuracy, 4)}
        curve.append({**point, "macro_f1": round(macro_f1, 4)})
    return curve
