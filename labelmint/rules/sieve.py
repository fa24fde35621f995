"""The rules in their order. Every candidate ends as kept, or as rejected by the first rule that it breaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from labelmint.core.params import Filter
from labelmint.core.records import Candidate, Input, Labelled, Note, texts_of
from labelmint.encoder.vectors import Embed, Vectors
from labelmint.labelling.verify import readable
from labelmint.rules.compare import Comparison, first_texts
from labelmint.rules.form import form_rules
from labelmint.rules.similarity import best_of, twins_of, words_of
from labelmint.rules.tags import found, tags_of
from labelmint.tasks.cards import TaskCard

RULES = [
    "no_label",
    "empty",
    "cut_off",
    "garbled",
    "prompt_echo",
    "label_leak",
    "answer_leak",
    "markup",
    "too_short",
    "too_long",
    "foreign_script",
    "language",
    "repetitive",
    "exact_duplicate",
    "near_duplicate",
    "semantic_duplicate",
    "demonstration_copy",
    "real_copy",
    "test_leak",
    "tagged",
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
    vectors : Vectors, optional
        Of them and of the real rows, for the rules that compare meanings.
    """

    def __init__(self, candidates: Sequence[Candidate], vectors: Vectors | None = None) -> None:
        self.standing = list(candidates)
        self.vectors = vectors
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


def vectors_of(sieve: Sieve) -> Vectors:
    """Return the rows' vectors; raise `ValueError` if the caller gave none."""
    if sieve.vectors is None:
        raise ValueError("these filter settings need vectors; give `embed`")
    return sieve.vectors


def apply_form(sieve: Sieve, config: Filter, card: TaskCard, train: Sequence[Labelled]) -> None:
    """Reject what a text's own form gives away."""
    rules = [rule for rule in form_rules(config, card, train) if getattr(config.rules, rule[0])]

    def judge(_: int, row: Candidate) -> Verdict | None:
        found = ((rule, check(row)) for rule, check in rules)
        return next(((rule, evidence) for rule, evidence in found if evidence is not None), None)

    sieve.apply(judge)


def apply_duplicates(
    sieve: Sieve, config: Filter, train: Sequence[Labelled], vectors: Vectors | None = None
) -> None:
    """Reject what repeats an earlier candidate: word for word, then nearly, then in other words."""
    first: dict[tuple[str, ...], Candidate] = {}

    def exact(_: int, row: Candidate) -> Verdict | None:
        twin = first.setdefault(tuple(" ".join(words_of(text)) for text in texts_of(row)), row)
        return None if twin is row else ("exact_duplicate", _twin("twin", twin, "text", 1.0))

    if config.rules.exact_duplicate:
        sieve.apply(exact)
    comparison = Comparison(first_texts(train), vectors)
    for rule, measure, threshold in (
        ("near_duplicate", "shingles", config.near_duplicate_similarity),
        ("near_duplicate", "words", config.edited_duplicate_similarity),
        ("semantic_duplicate", "meaning", config.semantic_duplicate_similarity),
    ):
        if getattr(config.rules, rule):
            rows = sieve.standing
            twins = twins_of(comparison.twins(measure, rows, threshold))
            sieve.apply(_near("twin", measure, rows, twins, lambda *_, rule=rule: rule))


def apply_copies(
    sieve: Sieve,
    config: Filter,
    train: Sequence[Labelled],
    test: Sequence[Input],
    vectors: Vectors | None = None,
) -> None:
    """Reject copies of the demonstrations and other real rows, then whatever is near a test input."""
    rules, comparison = config.rules, Comparison(first_texts(train), vectors)

    def copy(row: Candidate, real: Input) -> str | None:
        rule = "demonstration_copy" if real["id"] in row["demonstration_ids"] else "real_copy"
        return rule if getattr(rules, rule) else None

    def leak(*_: Input) -> str:
        return "test_leak"

    if rules.demonstration_copy or rules.real_copy:
        for measure, threshold in (
            ("shingles", config.copy_similarity),
            ("words", config.edited_copy_similarity),
        ):
            copies = best_of(comparison.copies(measure, sieve.standing, train, threshold))
            sieve.apply(_near("real", measure, train, copies, copy))
    if rules.test_leak:
        for measure, threshold in (
            ("shingles", config.leak_similarity),
            ("words", config.edited_leak_similarity),
            ("meaning", config.semantic_leak_similarity),
        ):
            leaks = best_of(comparison.copies(measure, sieve.standing, test, threshold))
            sieve.apply(_near("test", measure, test, leaks, leak))


def apply_tags(sieve: Sieve, config: Filter) -> None:
    """Reject rows with a tag of `filter.reject_tags`."""

    def tagged(_: int, row: Candidate) -> Verdict | None:
        tag = next((tag for tag in tags_of(row) if tag in config.reject_tags), None)
        return ("tagged", {"tag": tag, "match": found(tag, row)}) if tag else None

    if config.rules.tagged:
        sieve.apply(tagged)


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


def sieved(
    config: Filter,
    card: TaskCard,
    candidates: Sequence[Candidate],
    train: Sequence[Labelled],
    test: Sequence[Input],
    scores: Scores,
    embed: Embed | None = None,
) -> tuple[Sieve, dict[str, str]]:
    """Apply all rules but `surplus`; return the sieve, and the labels by id as they are after relabelling.

    Without `embed`, nothing is compared by its meaning.
    """
    labels = {row["id"]: row["label"] for row in candidates}
    vectors = Vectors(embed, readable(config, candidates), train, test) if embed else None
    sieve = Sieve(candidates, vectors)
    apply_form(sieve, config, card, train)
    apply_duplicates(sieve, config, train, vectors)
    apply_copies(sieve, config, train, test, vectors)
    apply_tags(sieve, config)
    if config.verify.action != "none":
        apply_verification(sieve, config, card.label_names, scores, labels)
    if config.rules.label_issue or config.rules.outlier or config.rules.profile:
        # Here, because cleanlab takes seconds to import.
        from labelmint.rules.judgement import Judgement

        Judgement(sieve, config, card.label_names, train, labels).apply()
    return sieve, labels


def _near(
    kind: str,
    measure: str,
    others: Sequence[Input],
    found: Mapping[int, tuple[int, float]],
    rule_of: Callable[[Candidate, Input], str | None],
) -> Callable[[int, Candidate], Verdict | None]:
    """Return a judge that rejects rows for which a near one was found, by place, among `others`."""

    def judge(place: int, row: Candidate) -> Verdict | None:
        if place not in found:
            return None
        other, similarity = found[place]
        rule = rule_of(row, others[other])
        return (rule, _twin(kind, others[other], measure, similarity)) if rule else None

    return judge


def _twin(kind: str, row: Input, measure: str, similarity: float) -> Evidence:
    return {
        kind: row["id"],
        f"{kind}_text": " / ".join(texts_of(row)),
        "measure": measure,
        "similarity": round(similarity, 3),
    }
