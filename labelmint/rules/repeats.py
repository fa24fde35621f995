"""Rules on rows that repeat others: earlier candidates, real rows, test inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set

from labelmint.core.records import Candidate, Input, texts_of
from labelmint.rules.compare import Comparison, first_texts
from labelmint.rules.filtering import Evidence, Filtering, RuleResult
from labelmint.rules.similarity import best_of, near_duplicates_of, words_of

# Shares of words in the same order, rare ones counting more, from which two texts are edits of each other.
EDITED_DUPLICATE = 0.65
EDITED_COPY = 0.6
EDITED_LEAK = 0.55


def exact_duplicates(filtering: Filtering, _: Set[str]) -> None:
    """Reject rows with the words of an earlier one."""
    first: dict[tuple[str, ...], Candidate] = {}

    def check(_: int, row: Candidate) -> RuleResult | None:
        earlier = first.setdefault(tuple(" ".join(words_of(text)) for text in texts_of(row)), row)
        if earlier is row:
            return None
        return RuleResult("exact_duplicate", _evidence("duplicate_of", earlier, "text", 1.0))

    filtering.reject(check)


def near_duplicates(filtering: Filtering, _: Set[str]) -> None:
    """Reject rows that share most word triples with an earlier one, then those that are an edit of one."""
    _reject_duplicates(
        filtering, "near_duplicate", "shingles", filtering.params.filter.near_duplicate_similarity
    )
    _reject_duplicates(filtering, "near_duplicate", "words", EDITED_DUPLICATE)


def semantic_duplicates(filtering: Filtering, _: Set[str]) -> None:
    """Reject rows that mean what an earlier one means."""
    _reject_duplicates(
        filtering, "semantic_duplicate", "meaning", filtering.params.filter.semantic_similarity
    )


def copies(filtering: Filtering, names: Set[str]) -> None:
    """Reject copies of real rows; those of a row's demonstrations are told apart from the others."""

    def rule_of(row: Candidate, real: Input) -> str | None:
        rule = "demonstration_copy" if real["id"] in row["demonstration_ids"] else "real_copy"
        return rule if rule in names else None

    for measure, threshold in (
        ("shingles", filtering.params.filter.copy_similarity),
        ("words", EDITED_COPY),
    ):
        _reject_copies(filtering, "real", filtering.train, measure, threshold, rule_of)


def leaks(filtering: Filtering, _: Set[str]) -> None:
    """Reject rows near a test input."""
    for measure, threshold in (
        ("shingles", filtering.params.filter.leak_similarity),
        ("words", EDITED_LEAK),
        ("meaning", filtering.params.filter.semantic_similarity),
    ):
        _reject_copies(filtering, "test", filtering.test, measure, threshold, lambda *_: "test_leak")


def _comparison(filtering: Filtering) -> Comparison:
    return Comparison(first_texts(filtering.train), filtering.vectors)


def _reject_duplicates(filtering: Filtering, rule: str, measure: str, threshold: float) -> None:
    rows = filtering.remaining
    pairs = _comparison(filtering).near_duplicates(measure, rows, threshold)
    _reject_near(filtering, "duplicate_of", measure, rows, near_duplicates_of(pairs), lambda *_: rule)


def _reject_copies(
    filtering: Filtering,
    kind: str,
    originals: Sequence[Input],
    measure: str,
    threshold: float,
    rule_of: Callable[[Candidate, Input], str | None],
) -> None:
    pairs = _comparison(filtering).copies(measure, filtering.remaining, originals, threshold)
    _reject_near(filtering, kind, measure, originals, best_of(pairs), rule_of)


def _reject_near(
    filtering: Filtering,
    kind: str,
    measure: str,
    others: Sequence[Input],
    nearest: Mapping[int, tuple[int, float]],
    rule_of: Callable[[Candidate, Input], str | None],
) -> None:
    """Reject the rows that have a near one, by place, among `others`, unless `rule_of` names no rule."""

    def check(place: int, row: Candidate) -> RuleResult | None:
        if place not in nearest:
            return None
        other, similarity = nearest[place]
        rule = rule_of(row, others[other])
        return RuleResult(rule, _evidence(kind, others[other], measure, similarity)) if rule else None

    filtering.reject(check)


def _evidence(kind: str, row: Input, measure: str, similarity: float) -> Evidence:
    return {
        kind: row["id"],
        f"{kind}_text": " / ".join(texts_of(row)),
        "measure": measure,
        "similarity": round(similarity, 3),
    }
