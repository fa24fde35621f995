"""The whole pipeline on four labelled rows, with a scripted language model and a tiny encoder."""

import json
from contextlib import contextmanager

import pytest

from labelmint.core import paths
from labelmint.core.records import read_rows
from labelmint.students import llm
from stages import arms, describe, evaluate, filter, generate, label, prepare, report, top_up, train
from tests.fake_model import FakeModel

ARMS = {
    "real": {"real": "all"},
    "mixed": {"real": "all", "synthetic": "all"},
    "everything": {"real": "all", "synthetic": "all", "unlabelled": "all", "weights": "chosen"},
    "one": {"real": 1},
    **{name: {"real": "all", "student": name} for name in ("llm", "llm_probe", "tfidf", "majority")},
}
SETTINGS = {
    "real.rows": 4,
    "arms": ARMS,
    "generate.candidates": 96,
    "generate.samples_per_prompt": 12,
    "train.seeds": [1],
    "evaluate.bootstrap_samples": 100,
}


@pytest.mark.slow
def test_every_arm_is_scored_but_the_one_of_a_single_label(prepared, tiny_encoder, set_params, monkeypatch):
    @contextmanager
    def open_model(_):
        yield FakeModel()

    for module in (generate, top_up, filter, label, llm):
        monkeypatch.setattr(module, "open_model", open_model)
    set_params(SETTINGS)
    for stage in (prepare, generate, top_up, filter, label, arms):
        stage.main()
    for name in ARMS:
        train.main(name)
    for stage in (describe, evaluate, report):
        stage.main()
    assert len(read_rows(paths.REAL_TRAIN)) == 4
    result = json.loads((paths.METRICS / "evaluate.json").read_text(encoding="utf-8"))
    assert set(result["arms"]) == set(ARMS) - {"one"}
    assert all(arm["accuracy"]["mean"] > 0 for arm in result["arms"].values())
    assert result["left_out"]["one"].startswith("its 1 rows all have the label")
    assert (paths.METRICS / "report.html").stat().st_size
