"""A finished run to export: kept rows, a prompt, metrics and a trained classifier."""

import json

import pytest
import yaml

from labelmint.core import paths
from labelmint.core.lock import folder_md5, md5
from labelmint.core.records import write_json, write_rows
from tests.builders import candidate, write_card
from tests.predict.conftest import save_arm, student_folder
from tests.report.helpers import evaluation

__all__ = ["save_arm", "student_folder"]

# What a model may write, and files must survive.
AWKWARD = [
    "a <script>alert('x')</script> film",
    'two\nlines, and a "quote"\ttab',
    "café 🎬 \u2028 naïve — 日本",
    "````\n---\nnot: yaml\n---",
    "half of a pair: \ud83c",
    "| a | table | {{ and }} {% braces %}",
]


def kept_row(number, text, label="negative", **changes):
    scores = {"negative": -0.1, "positive": -2.5}
    row = candidate(number, text, label, demonstration_ids=["r000001"])
    return {**row, "judged_label": label, "label_scores": scores, **changes}


FILTER = {
    "candidates": 12,
    "rejected": {"empty": 0, "cut_off": 4, "unsure_label": 1},
    "kept": 7,
    "label_scoring": {"accuracy": {"llm": 0.81, "pooled": 0.82}, "weights": {}, "real_rows": 50},
}
TRAINING = {"train_rows": 27, "real": 20, "synthetic": 7, "unlabelled": 0, "student": "auto", "seeds": 5}
TRAINING |= {"chosen": "fine_tune", "epochs": 2, "validation_rows": 9}


@pytest.fixture
def finished(project, set_params, save_arm):
    """Make a project of the task `tiny` with everything that an export reads."""
    set_params({"task": "tiny"})
    write_card(project, "tiny", licence="internal")
    rows = [kept_row(number, text) for number, text in enumerate(AWKWARD)]
    rows.append(kept_row(9, "a great film", judged_label="positive"))
    write_rows(paths.KEPT, rows)
    save_arm()
    write_json(paths.METRICS / "filter.json", FILTER)
    write_json(paths.METRICS / "evaluate.json", evaluation())
    write_json(paths.METRICS / "train/mixed.json", TRAINING)
    return project


@pytest.fixture
def lock(finished):
    """Return lock(): record the run as DVC would."""

    def record():
        params = yaml.safe_load((finished / "params.yaml").read_text(encoding="utf-8"))
        generate = {key: params[key] for key in ("task", "generate")} | {"train.max_tokens": 128}
        outs = [{"path": str(path), "md5": md5(path.read_bytes())} for path in (paths.KEPT, *ALL_METRICS)]
        student = {"path": str(paths.model("mixed")), "md5": folder_md5(paths.model("mixed"))}
        stages = {"generate": {"params": {"params.yaml": generate}}, "filter": {"outs": outs}}
        stages["train@mixed"] = {"outs": [student]}
        (finished / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": stages}), encoding="utf-8")

    return record


ALL_METRICS = [paths.METRICS / name for name in ("filter.json", "train/mixed.json", "evaluate.json")]
