"""Show rows of one segment of the real rows in each prompt, the segments in turn.

After "Reimagining Synthetic Tabular Data Generation through Data-Centric AI" (Hansen et al. 2023, arXiv
2310.16981), which profiles the real rows and generates from each profile by itself, so that hard rows aren't
drowned by easy ones. Each label's rows are divided by how hard they are (the probability of their label by a
classifier that hasn't seen them), or by what they mean (k-means of their vectors).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import Any

import numpy as np
from sklearn.cluster import KMeans

from experiments.engine import Task
from experiments.methods import shown
from experiments.methods.rows import MethodTask
from labelmint.core.arrays import Floats, Floats32, Ints
from labelmint.core.records import Labelled
from labelmint.encoder.vectors import embed_rows
from labelmint.labelling.pool import out_of_fold
from labelmint.llm import open_model
from labelmint.students.base import label_numbers

DIFFICULTY, CLUSTERS = "by difficulty", "by cluster"
SEGMENTS = 3  # of each label; by difficulty: easy, ambiguous and hard

Places = Sequence[Ints]  # of each segment's rows


def run(whole: MethodTask) -> dict[str, Any]:
    """Return the scores of each way to divide the real rows."""
    task = shown.smaller_task(whole)
    divided = segments(task)
    with open_model(task.params.llm) as model:
        sets = shown.plain_sets(whole, task, model)
        for name, by_label in divided.items():
            sets[name] = shown.write_showing(task, model, in_turn(by_label))
        return {"sets": shown.compare(task, sets, model)}


def segments(task: Task) -> dict[str, dict[str, list[list[Labelled]]]]:
    """Return by way of dividing and label the segments of the real rows."""
    train, names, seed = task.train, task.card.label_names, task.params.generate.seed
    vectors, labels = embed_rows(task.params.train, train), label_numbers(train, names)
    unseen = out_of_fold(vectors, labels, len(names), seed)[np.arange(len(train)), labels]
    divided: dict[str, dict[str, list[list[Labelled]]]] = {DIFFICULTY: {}, CLUSTERS: {}}
    for number, name in enumerate(names):
        of_label = np.flatnonzero(labels == number)
        ways = {
            DIFFICULTY: by_difficulty(unseen[of_label]),
            CLUSTERS: by_cluster(vectors[of_label], task.params.generate.demonstrations, seed),
        }
        for way, parts in ways.items():
            divided[way][name] = [[train[place] for place in of_label[part]] for part in parts]
    return divided


def by_difficulty(likelihood: Floats) -> Places:
    """Return the thirds of the rows by the likelihood of their label, the easiest first.

    Rows of a label too rare for cross-validation, whose likelihood is NaN, are the hardest.
    """
    order = np.argsort(-likelihood, kind="stable")
    return [part for part in np.array_split(order, SEGMENTS) if len(part)]


def by_cluster(vectors: Floats32, least: int, seed: int) -> Places:
    """Return k-means clusters of the rows; one of fewer than `least` rows is the nearest to its centre."""
    model = KMeans(min(SEGMENTS, len(vectors)), n_init=10, random_state=seed)
    distances = model.fit_transform(vectors)
    parts = []
    for number, away in enumerate(distances.T):
        size = max(least, int((model.labels_ == number).sum()))
        own_first = np.lexsort((away, model.labels_ != number))
        parts.append(own_first[:size])
    return parts


def in_turn(by_label: Mapping[str, Sequence[Sequence[Labelled]]]) -> shown.Choose:
    """Return a choice of rows that gives each label's segments in turn, each label beginning with another.

    A label may have fewer prompts than segments; over all labels each segment still has its turn.
    """
    turns = {
        label: islice(cycle(parts), number % len(parts), None)
        for number, (label, parts) in enumerate(by_label.items())
    }
    return lambda _, label: next(turns[label])


def page(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of this part of the page."""
    return [
        "## A segment of the real rows in each prompt (Hansen et al. 2023)\n",
        "*plain*: all prompts show random real rows of the label. *by difficulty*: rows of its easiest, "
        "middle or hardest third, by the probability of the label in cross-validation. *by cluster*: rows of "
        f"one of its {SEGMENTS} k-means clusters by their vectors. Segments take turns, so each is shown as "
        "often.\n",
        *shown.lines(results, "segments"),
        "",
    ]
