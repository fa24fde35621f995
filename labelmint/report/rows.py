"""All rows, kept and rejected, as the page's browser reads them: as many as fit, drawn from every rule."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from scipy.special import softmax

from labelmint.report.read import Inputs, Rows

# Of all rows as JSON: with them the page stays under 5 MB, which a phone opens.
MAX_BYTES = 4_000_000
_EXTRAS = ("rule", "evidence", "values", "profile", "confidence", "variability")


def browser(
    inputs: Inputs, names: list[str], rules: Sequence[str], limit: int, max_bytes: int = MAX_BYTES
) -> dict[str, Any]:
    """Return all that the browser shows; fewer than `limit` rows where the texts are long."""
    kept = {"kept": inputs.kept, "labelled": inputs.labelled}
    rejected = [*inputs.rejected, *inputs.unsure]
    by_rule = {rule: [row for row in rejected if row["rule"] == rule] for rule in rules}
    groups = {name: rows for name, rows in {**kept, **by_rule}.items() if rows}
    while True:
        content = _content(inputs, names, draw(groups, limit), groups)
        size = len(json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        if size <= max_bytes or limit == 0:
            return content
        # A tenth less than in proportion, so that a second step is rare.
        limit = min(limit - 1, math.floor(0.9 * limit * max_bytes / size))


def draw(groups: Mapping[str, Rows], limit: int) -> Rows:
    """Return at most `limit` rows: rare groups whole where possible, the others thinned out evenly."""
    chosen, left = [], limit
    waiting = sorted(groups.values(), key=len)
    for at, rows in enumerate(waiting):
        # Half by equal parts and half in proportion to what is left of the rows.
        still = waiting[at:]
        remaining = sum(map(len, still))
        equal, fair = left / len(still), left * len(rows) / max(1, remaining)
        take = len(rows) if remaining <= left else min(len(rows), left, math.ceil((equal + fair) / 2))
        chosen += [rows[place * len(rows) // take] for place in range(take)]
        left -= take
    return sorted(chosen, key=lambda row: ("method" not in row, str(row["id"])))


def _content(inputs: Inputs, names: list[str], rows: Rows, groups: Mapping[str, Rows]) -> dict[str, Any]:
    used = {row["prompt_id"] for row in rows if "prompt_id" in row}
    prompts = {prompt["id"]: prompt for prompt in inputs.prompts if prompt["id"] in used}
    shown = {row_id for prompt in prompts.values() for row_id in prompt["demonstration_ids"]}
    return {
        "total": sum(map(len, groups.values())),
        "rules": {name: len(rows) for name, rows in groups.items() if name not in ("kept", "labelled")},
        "labels": names,
        "methods": sorted({row["method"] for row in rows if "method" in row}),
        "demonstrations": {key: prompt["demonstration_ids"] for key, prompt in prompts.items()},
        "real": {row["id"]: " / ".join(_texts(row)) for row in inputs.real if row["id"] in shown},
        "rows": [_row(row, names) for row in rows],
    }


def _row(row: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """Return what is shown of a row; what it lacks is left out, which halves the page.

    A row without a method is a text that came without a label.
    """
    label = row.get("judged_label", row.get("label"))
    shown = {
        "id": row["id"],
        "text": row["text"],
        "pair": row.get("text_pair"),
        "label": label,
        "written": row["label"] if row.get("label") != label and "label" in row else None,
        "method": row.get("method"),
        "prompt": row.get("prompt_id"),
        "scores": _shares(row.get("label_scores"), names),
        **{key: row.get(key) for key in _EXTRAS},
    }
    return {key: value for key, value in shown.items() if value not in (None, {}, [], "")}


def _shares(scores: Mapping[str, float] | None, names: list[str]) -> list[float] | None:
    """Return log-probabilities as shares in the order of the labels."""
    if not scores or any(name not in scores for name in names):
        return None
    return [round(float(share), 3) for share in softmax([scores[name] for name in names])]


def _texts(row: Mapping[str, Any]) -> list[str]:
    return [row[key] for key in ("text", "text_pair") if key in row]
