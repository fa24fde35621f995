"""The grid of Li et al. (2024), prompt methods × numbers of real rows, for each task of a table.

experiments.study fills it for tasks that are here, experiments.paper for the paper's own. A change of these
numbers makes their next run renew the results that it concerns.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from labelmint.core.params import Params, load_params
from labelmint.core.records import read_json, write_json

METHODS = ["zero_shot", "one_shot", "few_shot", "zero_shot_topic"]
REAL_ROWS = (100, 1000)  # nested; demonstrations are drawn from the first alone
SYNTHETIC_ROWS = 1000  # of the kept ones, another draw per seed
CANDIDATES_PER_ROW = 1.152  # the filter rejects some
TEST_ROWS = 1000
SEEDS = [1, 2, 3]
STUDENT = "linear_head"  # fine_tune is ten times slower


def grid_params(task: str, rows: int, **changes: Any) -> Params:
    """Return params.yaml with the grid's numbers, for so many synthetic rows, and other changes."""
    return load_params().changed(
        {
            "task": task,
            "arms": {"real": {"real": "all"}},
            "real.rows": REAL_ROWS[0],
            "prepare.test_rows": TEST_ROWS,
            "generate.candidates": math.ceil(rows * CANDIDATES_PER_ROW),
            "train.seeds": SEEDS,
            "train.student": STUDENT,
            **changes,
        }
    )


def renew(path: Path, params: Params, make: Callable[[], Mapping[str, Any]], **more: Any) -> None:
    """Make a result, unless its file was made with these settings; it depends on `more`, too, and code."""
    settings = params.model_dump(mode="json", exclude={"arms", "top_up"})
    settings |= {"real_rows": list(REAL_ROWS), **more}
    if not _same((read_json(path) or {}).get("settings"), settings):
        print(f"{path.parent.name}: {path.stem}", file=sys.stderr)
        write_json(path, {**make(), "settings": settings})


def _same(stored: Any, settings: Any) -> bool:
    """Return whether settings are the stored ones; those that are newer than the file are ignored."""
    if isinstance(stored, Mapping) and isinstance(settings, Mapping):
        return all(key in settings and _same(value, settings[key]) for key, value in stored.items())
    return bool(stored == settings)
