"""What is odd in the data: what a person would want to know before a long run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from labelmint.core.params import Params
from labelmint.core.records import Input, texts_of
from labelmint.rules.language import language_of, other_language
from labelmint.rules.measures import first_texts, similar_pairs
from labelmint.tasks.balance import unbalanced
from labelmint.tasks.cards import TaskCard
from labelmint.tasks.data import TaskData, arms_without_rows

# With fewer rows a label can neither be shown nor cross-validated well.
MIN_LABEL_ROWS = 8
# Of each kind, which are looked at: enough to see what is common, and a second's work.
MAX_ROWS = 2000

CountTokens = Callable[[Sequence[Input]], list[int]]

_LEFT_OUT = {
    "empty": "empty rows",
    "duplicate": "rows that repeat another one",
    "repeated": "texts that are labelled rows or repeat another one",
    "contradicting_labels": "rows whose text has two labels",
    "in_test": "rows that are test rows, too",
    "in_train": "rows that are training rows, too",
    "no_label": "rows without a label",
    "where": "rows that source.where does not take",
    "not_needed": "texts more than prepare.unlabelled_rows",
}


def oddities(params: Params, card: TaskCard, data: TaskData, count_tokens: CountTokens) -> list[str]:
    """Return a line for each odd thing; none: nothing is.

    `count_tokens` returns the tokens of each row, uncut.
    """
    return [
        *_left_out(data),
        *_labels(params, card, data),
        *_near_duplicates(params, data),
        *_long_texts(params, data, count_tokens),
        *_languages(data),
    ]


def _left_out(data: TaskData) -> Iterator[str]:
    counts = {
        "source": data.source.left_out,
        "labelled_later": data.later.left_out,
        "unlabelled": data.unlabelled.left_out,
    }
    for place, left_out in counts.items():
        for reason, count in left_out.items():
            if count:
                yield f"{place}: {count:,} {_LEFT_OUT[reason]} are left out"


def _labels(params: Params, card: TaskCard, data: TaskData) -> Iterator[str]:
    train = data.split.train
    counts = Counter(row["label"] for row in train)
    few = [f"{name} ({counts[name]})" for name in card.label_names if counts[name] < MIN_LABEL_ROWS]
    if train and few:
        yield f"labels with fewer than {MIN_LABEL_ROWS} training rows: {_listed(few)}; label more of them"
    if unbalanced((row["label"] for row in train), card.label_names):
        name, count = counts.most_common(1)[0]
        yield (
            f"unbalanced labels: {count / len(train):.0%} of the training rows are {name}, so accuracy says "
            "little of the others; macro-F1 does (evaluate.metric)"
        )
    for there, arms in arms_without_rows(params, data).items():
        yield f"there are {there}, too few for the arms {_listed(arms)}; they are left out"


def _near_duplicates(params: Params, data: TaskData) -> Iterator[str]:
    config, parts = params.filter, data.split
    train, test, texts = parts.train[:MAX_ROWS], parts.test[:MAX_ROWS], data.unlabelled.rows[:MAX_ROWS]
    comparisons: list[tuple[str, Sequence[Input], Sequence[Input], float]] = [
        ("training rows near an earlier one", train, train, config.near_duplicate_similarity),
        ("training rows near a test input, which make scores too high", train, test, config.leak_similarity),
        ("texts to label near an earlier one", texts, texts, config.near_duplicate_similarity),
        ("texts to label near a training row", texts, train, config.copy_similarity),
        ("texts to label near a test input, which will be left out", texts, test, config.leak_similarity),
    ]
    given = first_texts(train)
    for what, rows, others, threshold in comparisons:
        near = {i: j for i, j, _ in similar_pairs("shingles", rows, others, threshold, given, None)}
        if near:
            row, other = next(iter(near.items()))
            yield f"{what}: {len(near):,} (first: {rows[row]['id']}, like {others[other]['id']})"


def _long_texts(params: Params, data: TaskData, count_tokens: CountTokens) -> Iterator[str]:
    most = params.train.max_tokens
    for what, rows in _kinds(data):
        lengths = count_tokens(rows)
        long = sum(length > most for length in lengths)
        if long:
            longest = max(range(len(rows)), key=lengths.__getitem__)
            yield (
                f"{what}: {long / len(rows):.1%} are longer than train.max_tokens={most} and will be cut; "
                f"the longest, {rows[longest]['id']}, has {lengths[longest]:,} tokens"
            )


def _languages(data: TaskData) -> Iterator[str]:
    kinds = _kinds(data)
    usual = language_of([" ".join(texts_of(row)) for _, rows in kinds for row in rows])
    if usual is None:
        return
    for what, rows in kinds:
        found = {row["id"]: other_language(" ".join(texts_of(row)), usual) for row in rows}
        others = {row_id: evidence["language"] for row_id, evidence in found.items() if evidence}
        if others:
            row_id, language = next(iter(others.items()))
            yield (
                f"{what}: {len(others):,} of {len(rows):,} seem to be in another language than {usual} "
                f"(first: {row_id}, {language})"
            )


def _kinds(data: TaskData) -> list[tuple[str, Sequence[Input]]]:
    kinds: list[tuple[str, Sequence[Input]]] = [
        ("training rows", data.split.train[:MAX_ROWS]),
        ("texts to label", data.unlabelled.rows[:MAX_ROWS]),
    ]
    return [(what, rows) for what, rows in kinds if rows]


def _listed(names: Sequence[str]) -> str:
    """Return the first names of a list that may be long."""
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
