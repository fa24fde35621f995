"""What became of the candidates: by rule, by label, and the prompts that they were written from."""

from __future__ import annotations

from collections import Counter
from typing import Any

from labelmint.report.read import Inputs

# In a few words; a rule that isn't here is shown by its name alone.
MEANINGS = {
    "no_label": "the model said no label",
    "empty": "nothing was written",
    "cut_off": "not ended within the tokens allowed",
    "garbled": "broken characters",
    "prompt_echo": "pieces of the prompt",
    "label_leak": "the label said as a label",
    "answer_leak": "the answer given away",
    "markup": "tags of web pages",
    "too_short": "too few words",
    "too_long": "too many words",
    "foreign_script": "letters that the real rows don’t have",
    "language": "another language than the real rows’",
    "repetitive": "the same words again and again",
    "tagged": "a tag that you don’t want",
    "exact_duplicate": "word for word an earlier one",
    "near_duplicate": "nearly an earlier one",
    "semantic_duplicate": "means what an earlier one means",
    "demonstration_copy": "copies a demonstration",
    "real_copy": "copies another real row",
    "test_leak": "near a test row",
    "unsure_label": "no label wins clearly",
    "wrong_label": "judged to have another label",
    "label_issue": "its label is an error, by cross-validation",
    "outlier": "unlike any real row",
    "profile": "its training dynamics are not wanted",
    "surplus": "beyond the labels’ shares",
}


def funnel(inputs: Inputs, names: list[str]) -> dict[str, Any] | None:
    """Return the candidates left after each rule, in the filter's order; None before the filter has run."""
    rejected = inputs.filter.get("rejected")
    if not rejected:
        return None
    total = inputs.filter.get("candidates") or 0
    by_label = Counter((row.get("rule"), row.get("label")) for row in inputs.rejected)
    left, rules = total, []
    for rule, count in rejected.items():
        left -= count
        own = [by_label[rule, name] for name in names]
        rules.append(
            {"rule": rule, "means": MEANINGS.get(rule, ""), "count": count, "left": left, "labels": own}
        )
    return {
        "total": total,
        "kept": inputs.filter.get("kept", 0),
        "most": max([entry["count"] for entry in rules], default=0),
        "rules": [entry for entry in rules if entry["count"]],
        "idle": [entry["rule"] for entry in rules if not entry["count"]],
        "names": names,
        "labels": _labels(inputs),
        "relabelled": inputs.filter.get("relabelled", 0),
    }


def _labels(inputs: Inputs) -> list[dict[str, Any]]:
    """Return per label: candidates written for it, kept under it, and how many of those came from another."""
    came = Counter(
        row["label"] for row in inputs.kept if row.get("written_label", row["label"]) != row["label"]
    )
    lost = Counter(row["label"] for row in inputs.rejected)
    return [
        {"name": name, "relabelled": came[name], "rejected": lost[name], **counts}
        for name, counts in (inputs.filter.get("labels") or {}).items()
    ]


def example_prompts(inputs: Inputs) -> list[dict[str, Any]]:
    """Return the first prompt of each method and label, with the real rows that it shows."""
    texts = {row["id"]: row for row in inputs.real}
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for prompt in inputs.prompts:
        first.setdefault((prompt["method"], prompt["label"]), prompt)
    return [
        {
            **prompt,
            "demonstrations": [texts[row_id] for row_id in prompt["demonstration_ids"] if row_id in texts],
        }
        for _, prompt in sorted(first.items())
    ]
