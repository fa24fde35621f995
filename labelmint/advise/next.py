"""Choose the unlabelled texts that are worth a label: unsure ones, from all over the data.

Uncertainty and diversity together (Zhdanov 2019, arXiv 1901.05954): the encoder's vectors are clustered by
k-means into as many clusters as rows are wanted, and each cluster gives the text whose pooled label scores
have the highest entropy. The most uncertain texts alone are often much alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labelmint.core import paths
from labelmint.core.arrays import Floats
from labelmint.core.errors import DataError
from labelmint.core.files import atomic_binary_file
from labelmint.core.formulas import csv_line
from labelmint.core.lock import read_file, read_lock
from labelmint.core.params import Params
from labelmint.core.records import LabelledText, RejectedText, read_rows
from labelmint.encoder.vectors import embed_rows
from labelmint.tasks.cards import TaskCard, card_path, load_card

Text = LabelledText | RejectedText

# The rules that reject a text for its label scores alone; texts that broke another aren't worth a label.
_UNSURE = "unsure_label"
# Of k-means: among more texts than these the clusters hardly change, and fitting takes minutes.
_MAX_TEXTS = 20_000


def write_next(params: Params, rows: int, out: Path) -> None:
    """Write the texts to label next as CSV, the most uncertain first; say what to do with them.

    Raise `DataError` if the file exists or isn't named as CSV, or there are no texts to choose from.
    """
    if out.suffix.lower() != ".csv":
        raise DataError(f"--out: {out}: a CSV file is written; let its name end in .csv")
    if out.exists():
        raise DataError(f"{out}: exists, and may hold your labels; name another file with --out")
    card = load_card(params.task)
    texts = texts_to_label()
    _check_task(params.task, card, texts)
    if not texts:
        raise DataError(
            f"{paths.LABELLED}: no unlabelled texts to choose from; name some in the card's `unlabelled`, "
            "set prepare.unlabelled_rows above 0, and run `dvc repro label`"
        )
    names = card.label_names
    scores = np.array([[(row["label_scores"] or {})[name] for name in names] for row in texts])
    vectors = embed_rows(params.train, texts).astype(np.float64)
    chosen = choose(vectors, entropies(scores), rows, params.labelling.seed)
    suggested = [names[scores[at].argmax()] for at in chosen]
    write_csv(out, [texts[at] for at in chosen], suggested, pairs=card.pairs)
    print(f"{out}: {len(chosen)} of {len(texts)} texts; fill in the column `label`: {', '.join(names)}")
    later = dict.fromkeys([*card.labelled_later, str(out)])  # earlier rounds stay
    files = ", ".join(map(_in_yaml, later))
    print(f"Then list it in {card_path(params.task)}, `labelled_later: [{files}]`, and run `dvc repro`.")


def _in_yaml(name: str) -> str:
    """Return a file's name as it may stand in a list of YAML; strings of JSON are YAML, too."""
    plain = re.fullmatch(r"[\w./][\w./ -]*", name)
    return name if plain else json.dumps(name, ensure_ascii=False)


def _check_task(task: str, card: TaskCard, texts: Sequence[Text]) -> None:
    """Raise `DataError` if the texts are of a run of another task."""
    recorded = read_lock(read_file, ["label"]).get("label", {}).get("params", {}).get("params.yaml", {})
    if recorded.get("task", task) != task or any(
        (row["label_scores"] or {}).keys() != {*card.label_names} for row in texts
    ):
        raise DataError(
            f"{paths.LABELLED}: of another task than {task}, or of other labels; run `dvc repro label`"
        )


def texts_to_label() -> list[Text]:
    """Return the unlabelled texts that broke no rule, after those that broke only the one on clear labels."""
    kept = read_rows(paths.LABELLED, LabelledText)
    rejected = read_rows(paths.LABELLED_REJECTED, RejectedText)
    return [*(row for row in rejected if row["rule"] == _UNSURE), *kept][:_MAX_TEXTS]


def choose(vectors: Floats, uncertainty: Floats, count: int, seed: int) -> list[int]:
    """Return the places of the texts to label, the most uncertain first.

    Parameters
    ----------
    vectors : shape (texts, width)
    uncertainty : shape (texts,)
        Of equally uncertain texts of a cluster the one nearest its centre is taken.
    count
        How many are wanted; with fewer texts that the encoder can tell apart, all of those.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    count = min(count, len(np.unique(vectors, axis=0)))
    with threadpool_limits(1):
        fitted = KMeans(count, n_init=1, random_state=seed).fit(vectors)
    distances = np.linalg.norm(vectors - fitted.cluster_centers_[fitted.labels_], axis=1)
    order = np.lexsort((distances, -uncertainty))
    first_of_cluster = np.unique(fitted.labels_[order], return_index=True)[1]
    return [int(place) for place in order[np.sort(first_of_cluster)]]


def entropies(scores: Floats) -> Floats:
    """Return the entropy in nats of each row of log-probabilities, shape (texts,)."""
    return np.asarray(-(np.exp(scores) * scores).sum(axis=1))


def write_csv(path: Path, texts: Sequence[Text], suggested: Sequence[str], *, pairs: bool) -> None:
    """Write the texts with an empty column `label`, for a spreadsheet or an editor."""
    # Excel leaves out the separators before empty cells at the end of a row, so the label isn't the last.
    columns = ["id", "text", *(["text_pair"] if pairs else []), "label", "suggested_label"]
    lines = [csv_line(columns)]
    for row, label in zip(texts, suggested, strict=True):
        cells = {**row, "suggested_label": label, "label": ""}
        lines.append(csv_line(cells.get(column) for column in columns))
    # With a byte order mark: without it, spreadsheets take UTF-8 for the system's encoding.
    with atomic_binary_file(path) as target:
        target.write("".join(lines).encode("utf-8-sig", "replace"))
