"""All rules of the filter, in the order in which they are applied: one line here makes a function a rule.

Functions are given by their path and imported when they are used: scikit-learn takes a second to load, and
the report and the check of params.yaml only need names and meanings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Rule:
    """A reason to reject a candidate.

    Attributes
    ----------
    meaning : str
        One sentence for the report and docs/reference/rules.md.
    function : str
        Where the check is. Of scope "row": function(row, context) returns evidence, or None if the row
        passes. Of scope "rows": function(filtering, names) compares rows and rejects some; neighbours in the
        list that share a function are applied together, as `names`.
    settings : tuple of str
        What it reads in params.yaml.
    optional : bool
        Whether `filter.disabled_rules` may name it.
    """

    name: str
    meaning: str
    function: str
    scope: Literal["row", "rows"] = "row"
    settings: tuple[str, ...] = ()
    optional: bool = True


_FORM, _REPEATS, _LABELS = "labelmint.rules.form", "labelmint.rules.repeats", "labelmint.rules.labels"
_MARGIN = ("labelling.action", "labelling.min_margin")
_MEANING = "filter.semantic_similarity"

_RULES = [
    Rule("no_label", "With `order: text_first`, the model gave no label.", f"{_FORM}:no_label"),
    Rule("empty", "A text has no letter and no digit.", f"{_FORM}:empty"),
    Rule(
        "cut_off",
        "The text did not end within the tokens allowed.",
        f"{_FORM}:cut_off",
        settings=("generate.max_new_tokens",),
    ),
    Rule("garbled", "The text has broken or control characters.", f"{_FORM}:garbled"),
    Rule("prompt_echo", "The text repeats pieces of the prompt.", f"{_FORM}:prompt_echo"),
    Rule(
        "label_leak", "The label stands in the text as a label: “Sentiment: negative”.", f"{_FORM}:label_leak"
    ),
    Rule("answer_leak", "The text gives the answer away: “a negative film review”.", f"{_FORM}:answer_leak"),
    Rule("markup", "The text has tags of web pages, and no real row has any.", f"{_FORM}:markup"),
    Rule("too_short", "The text has too few words.", f"{_FORM}:too_short", settings=("filter.min_words",)),
    Rule("too_long", "The text has too many words.", f"{_FORM}:too_long", settings=("filter.max_words",)),
    Rule("foreign_script", "Many letters are of a script that no real row has.", f"{_FORM}:foreign_script"),
    Rule("language", "The text is in another language than the real rows.", f"{_FORM}:language"),
    Rule("repetitive", "The text has the same three words three times.", f"{_FORM}:repetitive"),
    Rule(
        "exact_duplicate", "An earlier candidate has the same words.", f"{_REPEATS}:exact_duplicates", "rows"
    ),
    Rule(
        "near_duplicate",
        "An earlier candidate has nearly the same words.",
        f"{_REPEATS}:near_duplicates",
        "rows",
        ("filter.near_duplicate_similarity",),
    ),
    Rule(
        "semantic_duplicate",
        "An earlier candidate means the same.",
        f"{_REPEATS}:semantic_duplicates",
        "rows",
        (_MEANING,),
    ),
    Rule(
        "demonstration_copy",
        "The text copies a real row that its prompt showed.",
        f"{_REPEATS}:copies",
        "rows",
        ("filter.copy_similarity",),
    ),
    Rule(
        "real_copy",
        "The text copies another real row.",
        f"{_REPEATS}:copies",
        "rows",
        ("filter.copy_similarity",),
    ),
    Rule(
        "test_leak",
        "The text is near a test input, in its words or its meaning.",
        f"{_REPEATS}:leaks",
        "rows",
        ("filter.leak_similarity", _MEANING),
    ),
    Rule(
        "unsure_label",
        "No label scores clearly best.",
        f"{_LABELS}:label_rules",
        "rows",
        _MARGIN,
        optional=False,
    ),
    Rule(
        "wrong_label",
        "With `action: drop`, another label than the one it was written for scores best.",
        f"{_LABELS}:label_rules",
        "rows",
        _MARGIN,
        optional=False,
    ),
    Rule(
        "surplus",
        "Its label has more accepted rows than its share.",
        "labelmint.rules.select:surplus",
        "rows",
        ("filter.rows_per_label", "class_balance"),
        optional=False,
    ),
]

RULES = {rule.name: rule for rule in _RULES}
