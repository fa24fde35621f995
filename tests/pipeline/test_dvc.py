"""What users do with DVC, done: repro, experiments, comparing commits."""

import json

import pytest

from tests.pipeline.conftest import TINY

pytestmark = pytest.mark.slow

ARMS = ["real", "mixed", "labelled"]
TRAINING = {f"train@{arm}" for arm in ARMS}
OTHERS = {"prepare", "generate", "top_up", "filter", "label", "arms", "describe", "evaluate", "report"}


def scored_arms(clone):
    return set(json.loads((clone.folder / "metrics/evaluate.json").read_text())["arms"])


def test_the_first_run_runs_each_stage_once_and_a_second_run_none(finished, clone):
    assert sorted(json.loads((finished / "stages.json").read_text())) == sorted(OTHERS | TRAINING)
    assert scored_arms(clone) == set(ARMS)
    assert clone.run("git", "status", "--short") == ""
    assert clone.stages_run("repro") == []
    assert "mixed" in clone.run("labelmint", "verdict")


def test_a_change_makes_only_the_stages_stale_that_read_it(clone):
    stale = {
        "train.batch_rows": (16, TRAINING),
        "train.max_tokens": (64, {"top_up", "filter", "label", "describe"} | TRAINING),
        "evaluate.bootstrap_samples": (150, {"evaluate"}),
        "filter.min_words": (4, {"top_up", "filter", "label"}),
        "arms": (
            {**TINY["arms"], "mixed_4": {"real": "all", "synthetic": 4}},
            {"arms", "train@mixed_4", "evaluate"},
        ),
    }
    for setting, (value, stages) in stale.items():
        clone.write_params({setting: value})
        # prepare checks all settings, and the report shows them.
        assert set(clone.dvc_json("status")) == stages | {"prepare", "report"}
        clone.run("git", "checkout", "-q", "params.yaml")
    with (clone.folder / "labelmint/scoring/evaluation.py").open("a") as file:
        file.write("# an edit\n")
    for name in ("data/raw/.DS_Store", "data/raw/.~lock.rows.csv#", "labelmint/core/paths.py~"):
        (clone.folder / name).touch()  # what other programs leave makes nothing stale
    assert set(clone.dvc_json("status")) == {"prepare", "evaluate"}


def test_the_report_is_rebuilt_alone(clone):
    assert clone.stages_run("repro", "-s", "-f", "report") == ["report"]
    assert clone.run("git", "status", "--short", "metrics") == ""


def test_an_experiment_in_generation_with_one_more_arm_keeps_the_real_arms_and_can_be_compared(clone):
    options = ["-S", "generate.temperature=0.8", "-S", "generate.min_p=1e-5"]
    options += ["-S", "+arms.mixed_4={real: all, synthetic: 4}"]
    ran = clone.stages_run("exp", "run", "-n", "cooler", *options)
    assert sorted(ran) == sorted([*OTHERS - {"label"}, "train@mixed", "train@mixed_4"])
    assert scored_arms(clone) == {*ARMS, "mixed_4"}
    table = clone.dvc("exp", "show", "--only-changed", "--no-pager", "--csv")
    assert "cooler" in table
    assert "generate.temperature" in table.splitlines()[0]
    assert "generate.top_k" not in table.splitlines()[0]
    params = (clone.folder / "params.yaml").read_text()
    assert "temperature: 0.8" in params
    assert "min_p: 1e-05" in params  # a number to YAML 1.2, hence to DVC and to us
    clone.commit("Cooler")
    diff = clone.dvc_json("params", "diff", "main~1", "main")["params.yaml"]["generate.temperature"]
    assert diff == {"old": 1.0, "new": 0.8, "diff": pytest.approx(-0.2)}
    metrics = clone.dvc_json("metrics", "diff", "main~1", "main", "--all")
    assert set(metrics["metrics/evaluate.json"]["arms.mixed.accuracy.mean"]) >= {"old", "new"}
    assert "failed to load" not in clone.dvc("plots", "diff", "main~1", "main", "-o", "plots")
    assert "confusion" in (clone.folder / "plots/index.html").read_text()


def test_results_of_an_unfinished_run_are_not_shown(clone):
    assert "same answers" in clone.run("labelmint", "compare", "main")
    clone.write_params({"filter.min_words": 4})
    clone.dvc("repro", "prepare")
    for command in (["verdict"], ["compare", "main"]):
        done = clone.try_run("labelmint", *command)
        assert done.returncode == 1
        assert "filter.min_words is not what top_up ran with; run `dvc repro`" in done.stderr


def test_a_wrong_parameter_ends_the_run_with_one_line(clone):
    clone.write_params({"generate.temperature": 0.0})
    done = clone.try_run("dvc", "repro")
    assert done.returncode != 0
    (line,) = (line for line in done.stderr.splitlines() if ": error: " in line)
    assert line.startswith("prepare: error: params.yaml: generate.temperature")
