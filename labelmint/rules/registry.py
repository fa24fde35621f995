"""All rules of the filter, in the order in which they are applied: one line here makes a function a rule.

Functions are given by their path and imported when they are used: scikit-learn takes a second to load, and
the report and the check of params.yaml only need names and meanings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Rule:
    """A reason to reject a candidate."""

    name: str
    meaning: str  # one sentence for the report and docs/reference/rules.md
    # Where the check is. Of scope "row": function(row, context) returns evidence, or None if the row passes.
    # Of scope "rows": function(filtering) compares rows and rejects some; neighbours in the list that share a
    # function are applied together.
    function: str
    scope: Literal["row", "rows"]
    settings: tuple[str, ...]  # what it reads in params.yaml
    optional: bool = True  # whether `filter.disabled_rules` may name it


def _form(name: str, meaning: str, *settings: str) -> Rule:
    return Rule(name, meaning, f"labelmint.rules.form:{name}", "row", settings)


def _repeats(name: str, meaning: str, function: str, *settings: str) -> Rule:
    return Rule(name, meaning, f"labelmint.rules.repeats:{function}", "rows", settings)


def _fixed(name: str, meaning: str, function: str, *settings: str) -> Rule:
    return Rule(name, meaning, f"labelmint.rules.{function}", "rows", settings, optional=False)


_LABELS = ("select:label_rules", "labelling.action", "labelling.min_margin")
_MEANING = "filter.semantic_similarity"

_RULES = [
    _form("no_label", "With `order: text_first`, the model gave no label."),
    _form("empty", "A text has no letter and no digit."),
    _form("cut_off", "The text did not end within the tokens allowed.", "generate.max_new_tokens"),
    _form("garbled", "The text has broken or control characters."),
    _form("prompt_echo", "The text repeats pieces of the prompt."),
    _form("label_leak", "The label stands in the text as a label: “Sentiment: negative”."),
    _form("answer_leak", "The text gives the answer away: “a negative film review”."),
    _form("markup", "The text has tags of web pages, and no real row has any."),
    _form("too_short", "The text has too few words.", "filter.min_words"),
    _form("too_long", "The text has too many words.", "filter.max_words"),
    _form("foreign_script", "Many letters are of a script that no real row has."),
    _form("language", "The text is in another language than the real rows."),
    _form("repetitive", "The text has the same three words three times."),
    _form("missing_slot", "The value that the text was to mention is not in it."),
    _repeats("exact_duplicate", "An earlier candidate has the same words.", "exact_duplicates"),
    _repeats(
        "near_duplicate",
        "An earlier candidate has nearly the same words.",
        "near_duplicates",
        "filter.near_duplicate_similarity",
    ),
    _repeats("semantic_duplicate", "An earlier candidate means the same.", "semantic_duplicates", _MEANING),
    _repeats(
        "demonstration_copy",
        "The text copies a real row that its prompt showed.",
        "copies",
        "filter.copy_similarity",
    ),
    _repeats("real_copy", "The text copies another real row.", "copies", "filter.copy_similarity"),
    _repeats(
        "test_leak",
        "The text is near a test input, in its words or its meaning.",
        "leaks",
        "filter.leak_similarity",
        _MEANING,
    ),
    _fixed("unsure_label", "No label scores clearly best.", *_LABELS),
    _fixed(
        "wrong_label",
        "With `action: drop`, another label than the one it was written for scores best.",
        *_LABELS,
    ),
    _fixed(
        "surplus",
        "Its label has more accepted rows than its share.",
        "select:surplus",
        "filter.rows_per_label",
        "class_balance",
    ),
]

RULES = {rule.name: rule for rule in _RULES}
