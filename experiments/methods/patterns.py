"""Which surface patterns tell written texts from real ones, and whether students rest on them.

After "Unveiling the Flaws" (Chen et al. 2024, arXiv 2406.12397): texts of a language model share openings,
punctuation and lengths, and a student may learn these in place of the task. Here a classifier that sees
nothing but such patterns tells kept texts from real ones; then students with and without written texts are
scored on unseen real texts by how much these look as if written.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from experiments import tables
from experiments.engine import PLAIN, REAL
from experiments.methods.rows import SEEDS, MethodTask
from experiments.sources import TEXTS
from labelmint.core.arrays import Floats, Ints
from labelmint.core.records import Labelled, input_of
from labelmint.students.base import Setting, label_numbers
from labelmint.students.encoder import LinearHead

ROWS = "checked"
OPENINGS = 30  # the commonest first two words that are looked for
SHOWN = 5
PARTS = 4  # the real texts are scored by quarters


_MARKS = {
    "commas": ",",
    "full stops": ".",
    "exclamation marks": "!",
    "question marks": "?",
    "quotation marks": "\"'“”‘’",
    "brackets": "()[]",
    "dashes": "-–—",
    "digits": "0123456789",
}


def surface(text: str, openings: Sequence[str]) -> dict[str, float]:
    """Return the patterns of a text: its length, its marks per word, its case, opening and end."""
    words = text.split()
    letters = [letter for letter in text if letter.isalpha()]
    count = max(1, len(words))
    return {
        "words": float(np.log1p(len(words))),
        "letters per word": len(letters) / count,
        "capitals": sum(map(str.isupper, letters)) / max(1, len(letters)),
        "a capital first": float(text[:1].isupper()),
        "a mark last": float(bool(re.search(r"[.!?…]\W*$", text))),
        **{name: sum(map(text.count, marks)) / count for name, marks in _MARKS.items()},
        **{f"opening “{opening}”": float(_opening(text) == opening) for opening in openings},
    }


def _opening(text: str) -> str:
    return " ".join(text.lower().split()[:2])


def look_written(real: Sequence[str], written: Sequence[str]) -> tuple[Floats, Pipeline, Ints]:
    """Return how much each text looks as if written, the classifier that says so, and which ones are.

    The scores, shape (real + written,), are cross-fitted; the classifier is fitted on all texts.
    """
    texts = [*real, *written]
    openings = [name for name, _ in Counter(map(_opening, texts)).most_common(OPENINGS)]
    patterns = [surface(text, openings) for text in texts]
    is_written = np.repeat([0, 1], [len(real), len(written)])
    model = make_pipeline(DictVectorizer(sparse=False), StandardScaler(), LogisticRegression(max_iter=2000))
    folds = StratifiedKFold(5, shuffle=True, random_state=SEEDS[0])
    scores = cross_val_predict(model, patterns, is_written, cv=folds, method="decision_function")
    return scores, model.fit(patterns, is_written), is_written


def run(task: MethodTask) -> dict[str, Any]:
    """Return how well patterns tell the texts apart, the strongest, and students' scores by them."""
    real = task.rows.pool[:TEXTS]
    written = task.kept[ROWS]
    scores, model, is_written = look_written([row["text"] for row in real], [row["text"] for row in written])
    return {
        "real": len(real),
        "written": len(written),
        "auc": round(float(roc_auc_score(is_written, scores)), 4),
        "strongest": _strongest(model),
        "students": _by_patterns(task, real, scores[: len(real)]),
    }


def _strongest(model: Pipeline) -> dict[str, float]:
    """Return the patterns with the largest coefficients by size; above 0: of written texts."""
    found = zip(model[0].get_feature_names_out(), model[-1].coef_[0], strict=True)
    ordered = sorted(found, key=lambda item: -abs(item[1]))
    return {name: round(float(value), 2) for name, value in ordered[:SHOWN]}


def _by_patterns(task: MethodTask, real: Sequence[Labelled], scores: Floats) -> dict[str, Any]:
    """Return the accuracy and confidence of each student, for each quarter by the scores, the least first."""
    inputs, parts = [input_of(row) for row in real], np.array_split(np.argsort(scores, kind="stable"), PARTS)
    truth = label_numbers(real, task.card.label_names)
    student = LinearHead(Setting(task.params, task.card))
    drawn = task.drawn(ROWS)
    found: dict[str, Any] = {}
    for name in (REAL, PLAIN):
        probability = []
        for seed, rows in zip(SEEDS, drawn[name], strict=True):
            student.fit(rows, seed)
            probability.append(student.predict_proba(inputs))
        right = np.mean([each.argmax(axis=1) == truth for each in probability], axis=0)
        confidence = np.mean([each.max(axis=1) for each in probability], axis=0)
        found[name] = {
            "accuracy": [round(float(right[part].mean()), 4) for part in parts],
            "confidence": [round(float(confidence[part].mean()), 4) for part in parts],
        }
    return found


def page(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of this part of the page."""
    lines = [
        "## Surface patterns of written texts (Chen et al. 2024)\n",
        "A classifier that sees length, marks, case and openings alone tells kept texts from real ones with "
        "this area under the ROC curve, cross-fitted (0.5: not at all, 1: always); in brackets the "
        "coefficients of the strongest patterns, per standard deviation, above 0 for written texts. Then "
        f"linear heads are scored on {TEXTS} real texts that no student has seen, by quarters, from those "
        "that look least as if written to those that look most so: accuracy, and mean confidence in "
        "brackets. A student that learns patterns in place of the task loses on the first quarter.\n",
    ]
    rows = []
    for result in results:
        of = result["patterns"]
        strongest = ", ".join(f"{name} ({value:+.1f})" for name, value in of["strongest"].items())
        for name, student in of["students"].items():
            quarters = zip(student["accuracy"], student["confidence"], strict=True)
            cells = [f"{100 * right:.1f} ({100 * sure:.0f})" for right, sure in quarters]
            title = "real alone" if name == REAL else "with written"
            rows.append([result["task"], f"{of['auc']:.2f}", strongest, title, *cells])
    lines += tables.table("task | AUC | strongest patterns | student | least alike | | | most alike", rows)
    return [*lines, ""]
