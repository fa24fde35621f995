"""Rules on rows that repeat others: earlier candidates, real rows, test inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from labelmint.core.arrays import Bools
from labelmint.core.records import Candidate, Input, texts_of
from labelmint.core.words import words_of
from labelmint.rules.filtering import Evidence, Filtering, RuleResult
from labelmint.rules.measures import Measure, first_texts, similar_pairs
from labelmint.rules.similarity import Pair, best_of, near_duplicates_of

# Shares of words in the same order, rare ones counting more, from which two texts are edits of each other.
EDITED_DUPLICATE = 0.65
EDITED_COPY = 0.6
EDITED_LEAK = 0.55

# Of a row and the other that it is near.
RuleOf = Callable[[Candidate, Input], str | None]


def exact_duplicates(filtering: Filtering) -> None:
    """Reject rows with the words of an earlier one."""
    first: dict[tuple[str, ...], Candidate] = {}
    results = {}
    for row in filtering.remaining:
        earlier = first.setdefault(tuple(" ".join(words_of(text)) for text in texts_of(row)), row)
        if earlier is not row:
            evidence = _evidence("duplicate_of", earlier, "text", 1.0)
            results[row["id"]] = RuleResult("exact_duplicate", evidence)
    filtering.reject(results)


def near_duplicates(filtering: Filtering) -> None:
    """Reject rows that share most word triples with an earlier one, then those that are an edit of one."""
    config = filtering.params.filter
    _reject_duplicates(filtering, "near_duplicate", "shingles", config.near_duplicate_similarity)
    _reject_duplicates(filtering, "near_duplicate", "words", EDITED_DUPLICATE)


def semantic_duplicates(filtering: Filtering) -> None:
    """Reject rows that mean what an earlier one means."""
    _reject_duplicates(
        filtering, "semantic_duplicate", "meaning", filtering.params.filter.semantic_similarity
    )


def copies(filtering: Filtering) -> None:
    """Reject copies of real rows; those of a row's demonstrations are told apart from the others."""
    disabled = filtering.params.filter.disabled_rules

    def rule_of(row: Candidate, real: Input) -> str | None:
        rule = "demonstration_copy" if real["id"] in row["demonstration_ids"] else "real_copy"
        return None if rule in disabled else rule

    _reject_copies(filtering, "real", "shingles", filtering.params.filter.copy_similarity, rule_of)
    _reject_copies(filtering, "real", "words", EDITED_COPY, rule_of)

    def rule_of_run(row: Candidate, real: Input) -> str | None:
        # Texts that people wrote may quote each other.
        return rule_of(row, real) if row["prompt_id"] else None

    _reject_copies(filtering, "real", "run", 0.0, rule_of_run)


def leaks(filtering: Filtering) -> None:
    """Reject rows near a test input."""
    config = filtering.params.filter
    measures: dict[Measure, float] = {
        "shingles": config.leak_similarity,
        "words": EDITED_LEAK,
        "meaning": config.semantic_similarity,
    }
    for measure, threshold in measures.items():
        _reject_copies(filtering, "test", measure, threshold, lambda *_: "test_leak")


def _reject_duplicates(filtering: Filtering, rule: str, measure: Measure, threshold: float) -> None:
    rows = filtering.remaining
    nearest = near_duplicates_of(partial(_pairs, filtering, rows, measure, threshold), len(rows))
    _reject_near(filtering, "duplicate_of", measure, rows, nearest, lambda *_: rule)


def _reject_copies(
    filtering: Filtering, kind: str, measure: Measure, threshold: float, rule_of: RuleOf
) -> None:
    originals = filtering.train if kind == "real" else filtering.test
    nearest = best_of(_pairs(filtering, originals, measure, threshold))
    _reject_near(filtering, kind, measure, originals, nearest, rule_of)


def _pairs(
    filtering: Filtering,
    others: Sequence[Input],
    measure: Measure,
    threshold: float,
    dropped: Bools | None = None,
) -> Iterator[Pair]:
    given, rows = first_texts(filtering.train), filtering.remaining
    return similar_pairs(measure, rows, others, threshold, given, filtering.vectors, dropped)


def _reject_near(
    filtering: Filtering,
    kind: str,
    measure: Measure,
    others: Sequence[Input],
    nearest: Mapping[int, tuple[int, float]],
    rule_of: RuleOf,
) -> None:
    """Reject the rows that have a near one, by place, among `others`, unless `rule_of` names no rule."""
    results = {}
    for place, (other, similarity) in nearest.items():
        row = filtering.remaining[place]
        if rule := rule_of(row, others[other]):
            results[row["id"]] = RuleResult(rule, _evidence(kind, others[other], measure, similarity))
    filtering.reject(results)


def _evidence(kind: str, row: Input, measure: str, similarity: float) -> Evidence:
    return {
        kind: row["id"],
        f"{kind}_text": " / ".join(texts_of(row)),
        "measure": measure,
        "similarity": round(similarity, 3),
    }
