"""What users do with DVC, done: repro, experiments, comparing commits."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.slow

TRAINING = ["train@real", "train@synthetic", "train@mixed"]


def evaluation(clone):
    return json.loads((clone.folder / "metrics/evaluate.json").read_text())


def test_the_first_run_runs_every_stage_once(first_run, pristine):
    others = ["prepare", "generate", "top_up", "filter", "baselines", "describe", "evaluate", "report"]
    assert sorted(first_run) == sorted([*others, *TRAINING])
    assert set(evaluation(pristine)["arms"]) == {"real", "synthetic", "mixed"}
    assert pristine.run("git", "status", "--short") == ""


def test_a_second_run_runs_nothing(clone):
    assert clone.stages_run("repro") == []
    assert "up to date" in clone.dvc("status", "dvc.yaml")  # the study is another pipeline


def test_a_change_of_training_retrains_and_does_not_generate(clone):
    clone.write_params({"train.batch_rows": 16})
    assert sorted(clone.stages_run("repro")) == sorted([*TRAINING, "evaluate", "report"])


def test_a_change_of_generation_does_not_retrain_the_real_arm(clone):
    clone.write_params({"generate.temperature": 0.9})
    ran = clone.stages_run("repro")
    assert sorted(ran) == sorted(
        ["generate", "top_up", "filter", "train@synthetic", "train@mixed", "describe", "evaluate", "report"]
    )


def test_an_edit_of_a_stage_reruns_that_stage_alone(clone):
    file = clone.folder / "stages/evaluate/compare.py"
    file.write_text(file.read_text() + "# an edit\n")
    assert clone.stages_run("repro") == ["evaluate"]


def test_the_report_is_made_anew_alone(clone):
    page = (clone.folder / "metrics/report.html").read_text()
    assert "worth" in page or "changes accuracy" in page
    assert clone.stages_run("repro", "-s", "-f", "report") == ["report"]
    assert clone.run("git", "status", "--short", "metrics") == ""


def test_an_experiment_sets_numbers_and_shows_only_what_changed(clone):
    clone.dvc(
        "exp", "run", "-n", "cooler", "-S", "generate.temperature=0.8", "-S", "train.learning_rate=5e-5"
    )
    assert "cooler" in json.dumps(clone.dvc_json("exp", "show"))
    table = clone.dvc("exp", "show", "--only-changed", "--no-pager", "--csv")
    assert "generate.temperature" in table.splitlines()[0]
    assert "generate.top_k" not in table.splitlines()[0]
    params = (clone.folder / "params.yaml").read_text()
    assert "temperature: 0.8" in params
    assert "learning_rate: 5e-05" in params  # a number to YAML 1.2, hence to DVC and to us
    clone.commit("Cooler")
    diff = clone.dvc_json("params", "diff", "main~1", "main")
    assert diff["params.yaml"]["generate.temperature"] == {
        "old": 1.0,
        "new": 0.8,
        "diff": pytest.approx(-0.2),
    }
    metrics = clone.dvc_json("metrics", "diff", "main~1", "main", "--all")
    assert set(metrics["metrics/evaluate.json"]["arms.mixed.accuracy.mean"]) >= {"old", "new"}
    clone.dvc("plots", "diff", "main~1", "main", "-o", "plots")
    assert "confusion" in (clone.folder / "plots/index.html").read_text()
    clone.run("git", "reset", "-q", "--hard", "main~1")


def test_experiments_run_in_a_copy_and_from_the_queue(clone):
    clone.dvc("exp", "run", "--temp", "-n", "in-a-copy", "-S", "train.batch_rows=8")
    clone.dvc("exp", "run", "--queue", "-n", "queued", "-S", "evaluate.bootstrap_samples=150")
    clone.dvc("queue", "start")
    clone.dvc("queue", "logs", "queued", "-f")
    listed = clone.dvc("exp", "list", "--name-only")
    assert {"in-a-copy", "queued"} <= set(listed.split())
    assert clone.run("git", "status", "--short") == ""
    assert clone.stages_run("repro") == []


def test_a_wrong_parameter_ends_the_run_with_one_line(clone):
    clone.write_params({"generate.temperature": 0.0})
    done = clone.try_run("dvc", "repro")
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if line.startswith("prepare: error:")]
    lines += [line for line in done.stderr.splitlines() if line.startswith("generate: error:")]
    assert len(lines) == 1
    assert "params.yaml: generate.temperature" in lines[0]
