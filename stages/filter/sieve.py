"""The rules in their order. Every candidate ends as kept, or as rejected by the first rule that it breaks."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.filter.form import form_rules
from stages.filter.similarity import earlier_twins, similar_pairs, words_of
from stages.filter.vectors import Embed, no_vectors
from stages.params import Filter
from stages.records import Candidate, Input, Labelled, Note, texts_of
from stages.tasks import TaskCard

RULES = [
    "no_label",
    "empty",
    "cut_off",
    "garbled",
    "prompt_echo",
    "label_leak",
    "markup",
    "too_short",
    "too_long",
    "foreign_script",
    "repetitive",
    "exact_duplicate",
    "near_duplicate",
    "demonstration_copy",
    "real_copy",
    "test_leak",
    "unsure_label",
    "wrong_label",
    "label_issue",
    "outlier",
    "profile",
    "surplus",
]

Evidence = dict[str, Any]
Verdict = tuple[str, Evidence]  # rule, and what shows that it was broken
Scores = Mapping[str, npt.NDArray[np.float64]]


class Sieve:
    """Candidates that still stand, and the verdicts on those that don't, by id.

    Parameters
    ----------
    candidates : sequence of Candidate
        In the order in which they were written: of two that say the same, the first stays.
    """

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.standing = list(candidates)
        self.verdicts: dict[str, Verdict] = {}
        # What is noted of rows without being a verdict, by id.
        self.notes: dict[str, Note] = {}

    def apply(self, judge: Callable[[int, Candidate], Verdict | None]) -> None:
        """Reject the standing rows on which `judge(place among the standing, row)` gives a verdict."""
        left = []
        for place, row in enumerate(self.standing):
            verdict = judge(place, row)
            if verdict is None:
                left.append(row)
            else:
                self.verdicts[row["id"]] = verdict
        self.standing = left


def apply_form(sieve: Sieve, config: Filter, card: TaskCard, train: Sequence[Labelled]) -> None:
    """Reject what a text's own form gives away."""
    rules = form_rules(config, card, train)

    def judge(_: int, row: Candidate) -> Verdict | None:
        found = ((rule, check(row)) for rule, check in rules)
        return next(((rule, evidence) for rule, evidence in found if evidence is not None), None)

    sieve.apply(judge)


def apply_duplicates(sieve: Sieve, config: Filter, train: Sequence[Labelled]) -> None:
    """Reject what repeats an earlier candidate: word for word, then nearly."""
    given = first_texts(train)
    first: dict[tuple[str, ...], Candidate] = {}

    def exact(_: int, row: Candidate) -> Verdict | None:
        twin = first.setdefault(tuple(" ".join(words_of(text)) for text in texts_of(row)), row)
        return None if twin is row else ("exact_duplicate", _twin("twin", twin, 1.0))

    sieve.apply(exact)
    rows = sieve.standing
    twins = earlier_twins(comparable(rows, given), config.near_duplicate_similarity)

    def near(place: int, _: Candidate) -> Verdict | None:
        if place not in twins:
            return None
        twin, similarity = twins[place]
        return "near_duplicate", _twin("twin", rows[twin], similarity)

    sieve.apply(near)


def apply_copies(sieve: Sieve, config: Filter, train: Sequence[Labelled], test: Sequence[Input]) -> None:
    """Reject copies of the demonstrations and other real rows, then whatever is near a test input."""
    given = first_texts(train)
    real = similar_pairs(comparable(sieve.standing, given), comparable(train, given), config.copy_similarity)

    def copy(place: int, row: Candidate) -> Verdict | None:
        if place not in real:
            return None
        twin, similarity = real[place]
        shown = train[twin]["id"] in row["demonstration_ids"]
        rule = "demonstration_copy" if shown else "real_copy"
        return rule, _twin("real", train[twin], similarity)

    sieve.apply(copy)
    leaks = similar_pairs(comparable(sieve.standing, given), comparable(test, given), config.leak_similarity)

    def leak(place: int, _: Candidate) -> Verdict | None:
        if place not in leaks:
            return None
        twin, similarity = leaks[place]
        return "test_leak", _twin("test", test[twin], similarity)

    sieve.apply(leak)


def apply_verification(
    sieve: Sieve, config: Filter, names: Sequence[str], scores: Scores, labels: dict[str, str]
) -> None:
    """Reject rows that the LLM reads as another label than they have, or relabel them in `labels`."""

    def judge(_: int, row: Candidate) -> Verdict | None:
        own = scores[row["id"]]
        best = int(own.argmax())
        margin = float(own[best] - np.delete(own, best).max())
        if margin < config.verify.min_margin:
            return "unsure_label", {"read_as": names[best], "margin": round(margin, 4)}
        if config.verify.action in ("relabel", "soft"):
            labels[row["id"]] = names[best]
        elif names[best] != row["label"]:
            return "wrong_label", {"read_as": names[best], "margin": round(margin, 4)}
        return None

    sieve.apply(judge)


def first_texts(train: Sequence[Labelled]) -> set[str]:
    """Return the first texts of the real pairs, case and punctuation aside: candidates begin with them."""
    return {" ".join(words_of(row["text"])) for row in train if "text_pair" in row}


def sieved(
    config: Filter,
    card: TaskCard,
    candidates: Sequence[Candidate],
    train: Sequence[Labelled],
    test: Sequence[Input],
    scores: Scores,
    embed: Embed = no_vectors,
) -> tuple[Sieve, dict[str, str]]:
    """Apply all rules but `surplus`; return the sieve, and the labels by id as they are after relabelling."""
    labels = {row["id"]: row["label"] for row in candidates}
    sieve = Sieve(candidates)
    apply_form(sieve, config, card, train)
    apply_duplicates(sieve, config, train)
    apply_copies(sieve, config, train, test)
    if config.verify.action != "none":
        apply_verification(sieve, config, card.label_names, scores, labels)
    if config.rules.label_issue or config.rules.outlier or config.rules.profile:
        # Here, because cleanlab takes seconds to import.
        from stages.filter.judgement import apply_judgement

        apply_judgement(sieve, config, card.label_names, train, labels, embed)
    return sieve, labels


def comparable(rows: Sequence[Input], given: Set[str]) -> list[str]:
    """Return what is compared of each row: its text, or both texts of a pair.

    Pairs that begin with the same given text (a real row's) have most words in common, so of those only the
    second texts are compared: its words carry a mark of the first text, and match under the same mark alone.
    """
    texts = []
    for row in rows:
        said = " ".join(words_of(row["text"]))
        if "text_pair" in row and said in given:
            mark = zlib.crc32(said.encode("utf-8", "surrogatepass"))
            texts.append(" ".join(f"{word}_{mark}" for word in words_of(row["text_pair"])))
        else:
            texts.append(" ".join(texts_of(row)))
    return texts


def _twin(kind: str, row: Input | Candidate, similarity: float) -> Evidence:
    return {kind: row["id"], f"{kind}_text": " / ".join(texts_of(row)), "similarity": round(similarity, 3)}
