"""The grid of Li et al. (2024), prompt methods × numbers of real rows, for each task of a table.

A change of these numbers makes the next run renew the results that it concerns.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from labelmint.core.params import Params, load_params
from labelmint.core.records import read_json, write_json

TEXT_FIRST = "text_first"  # what the paper advises against: the model writes a text, and then its label
METHODS: dict[str, dict[str, str]] = {  # and their settings
    **{name: {"generate.method": name} for name in ("zero_shot", "one_shot", "few_shot", "zero_shot_topic")},
    TEXT_FIRST: {"generate.method": "few_shot", "generate.order": "text_first"},
}
REAL_ROWS = (100, 1000)  # nested; demonstrations are drawn from the first alone
SYNTHETIC_ROWS = 1000  # of the kept ones, another draw per seed
CANDIDATES_PER_ROW = 1.152  # the filter rejects some
TEST_ROWS = 1000
SEEDS = [1, 2, 3]
STUDENT = "linear_head"  # fine_tune is ten times slower


def grid_params(task: str, rows: int, **changes: Any) -> Params:
    """Return params.yaml with the grid's numbers, for so many synthetic rows, and other changes."""
    params = load_params()
    # Of texts that come first those without a label go.
    disabled = [rule for rule in params.filter.disabled_rules if rule != "no_label"]
    return params.changed(
        {
            "task": task,
            "arms": {"real": {"real": "all"}},
            "real.rows": REAL_ROWS[0],
            "prepare.test_rows": TEST_ROWS,
            "generate.order": "label_first",
            "generate.candidates": math.ceil(rows * CANDIDATES_PER_ROW),
            "filter.disabled_rules": disabled,
            "train.seeds": SEEDS,
            "train.student": STUDENT,
            **changes,
        }
    )


def renew(
    path: Path, params: Params, methods: Iterable[str], make: Callable[[], Mapping[str, Any]], **more: Any
) -> None:
    """Make a result, unless its file was made with these settings and has these methods.

    It depends on `more`, too, and on code.
    """
    settings = params.model_dump(mode="json", exclude={"arms", "top_up"})
    settings |= {"real_rows": list(REAL_ROWS), **more}
    stored = read_json(path) or {}
    if not _same(stored.get("settings"), settings) or {*methods} - {*stored.get("methods", ())}:
        print(f"{path.parent.name}: {path.stem}", file=sys.stderr)
        write_json(path, {**make(), "settings": settings})


def _same(stored: Any, settings: Any) -> bool:
    """Return whether settings are the stored ones; those that are newer than the file are ignored."""
    if isinstance(stored, Mapping) and isinstance(settings, Mapping):
        return all(key in settings and _same(value, settings[key]) for key, value in stored.items())
    return bool(stored == settings)
