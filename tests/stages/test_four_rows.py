"""The whole pipeline on four labelled rows, with a scripted model and a tiny encoder, connects to nothing."""

import shutil
import sys
from pathlib import Path

import pytest
import yaml

from labelmint.core import paths
from labelmint.core.records import read_json, read_rows
from labelmint.predict.command import Request, predict
from stages import arms, describe, evaluate, filter, generate, label, prepare, report, top_up, train
from tests.builders import SOCKET_EVENTS
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
    "filter.rows_per_label": 2,
    "train.seeds": [1],
    "evaluate.bootstrap_samples": 100,
}


@pytest.fixture
def connections(monkeypatch):
    """Return a list of what is connected to or looked up from now on."""
    seen = []

    def watch(event, arguments):
        if event in SOCKET_EVENTS:
            seen.append(f"{event} {arguments}")

    sys.addaudithook(watch)  # cannot be removed
    monkeypatch.delenv("HF_HUB_OFFLINE")
    return seen


def files():
    return {path for path in Path().rglob("*") if path.is_file()}


def declared(stage, arm):
    """Return the outputs of a stage in dvc.yaml."""
    content = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
    content = content.get("do", content)
    entries = [entry for kind in ("outs", "metrics", "plots") for entry in content.get(kind, [])]
    names = [name for entry in entries for name in ([entry] if isinstance(entry, str) else entry)]
    return [Path(name.replace("${key}", arm)) for name in names]


def run(stage, *arm):
    """Run a stage, and see that it writes what dvc.yaml declares and nothing else."""
    before = files()
    stage.main(*arm)
    outputs = declared(stage.__name__.split(".")[1], "".join(arm))
    assert [path for path in outputs if not path.exists()] == []
    new = files() - before
    assert [path for path in new if not any(path.is_relative_to(output) for output in outputs)] == []


@pytest.mark.slow
def test_every_stage_writes_its_outputs_and_every_arm_is_scored_but_that_of_one_label(
    prepared, tiny_encoder, set_params, open_with, connections
):
    asking = ("generate", "top_up", "filter", "label")
    open_with(FakeModel(), *(f"stages.{stage}" for stage in asking), "labelmint.students.llm")
    set_params(SETTINGS)
    for folder in ("data/real", "metrics"):
        shutil.rmtree(folder)
    for stage in (prepare, generate, top_up, filter, label, arms):
        run(stage)
    for name in ARMS:
        run(train, name)
    for stage in (describe, evaluate, report):
        run(stage)
    assert len(read_rows(paths.REAL_TRAIN)) == 4
    result = read_json(paths.METRICS / "evaluate.json")
    assert set(result["arms"]) == set(ARMS) - {"one"}
    assert all(arm["accuracy"]["mean"] > 0 for arm in result["arms"].values())
    assert result["left_out"]["one"].startswith("its 1 rows all have the label")
    assert (paths.METRICS / "report.html").stat().st_size
    Path("in.txt").write_text("a great film\n", encoding="utf-8")
    predict(Request(arm="mixed", input="in.txt", output="out.csv"))
    assert Path("out.csv").read_text(encoding="utf-8").count("\n") == 2
    assert [place for place in connections if "127.0.0.1" not in place and "localhost" not in place] == []
