"""Whether dvc.lock records one whole run."""

import hashlib
import json

import pytest

from labelmint.core.errors import DataError
from labelmint.core.lock import contradiction, md5, read_lock, recorded_arms, stages_of, unrecorded

CARD = b"description: a task\n"


def one_run():
    """Return the files of a run of two arms, and what dvc.lock records of it."""
    answers = {arm: md5(arm.encode()) for arm in ("real", "mixed")}
    listing = [{"md5": answers[arm], "relpath": f"{arm}.jsonl"} for arm in sorted(answers)]
    folder = hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest() + ".dir"
    stages = {
        f"train@{arm}": {
            "deps": [{"path": "data/tasks/t.yaml", "md5": md5(CARD)}],
            "params": {"params.yaml": {"train": {"epochs": 3}, f"arms.{arm}": {"real": "all"}}},
            "outs": [{"path": f"data/predictions/{arm}.jsonl", "md5": value}],
        }
        for arm, value in answers.items()
    }
    stages["train@gone"] = {"params": {"params.yaml": {"arms.gone": {"real": 5}}}}
    stages["evaluate"] = {
        "deps": [{"path": "data/predictions", "md5": folder, "nfiles": 2}],
        "outs": [{"path": "metrics/evaluate.json", "md5": md5(b"{}")}],
    }
    params = {"train": {"epochs": 3.0}, "arms": {arm: {"real": "all"} for arm in answers}}
    return {
        "params.yaml": json.dumps(params).encode(),
        "data/tasks/t.yaml": CARD,
        "metrics/evaluate.json": b"{}",
        "dvc.lock": json.dumps({"stages": stages}).encode(),
    }


def problem(files):
    recorded = read_lock(files.get, stages_of(json.loads(files["params.yaml"])["arms"]))
    return contradiction(files.get, recorded), unrecorded(files.get, recorded)


def test_one_whole_run_has_no_contradiction_and_an_arm_that_is_gone_makes_none():
    assert problem(one_run()) == ("", [])
    assert problem({**one_run(), "dvc.lock": b""}) == ("", [])


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("params.yaml", b"3.0", b"4", "params.yaml: train.epochs is not what train@real ran with"),
        ("params.yaml", b'"mixed": {"real": "all"', b'"mixed": {"real": 9', "params.yaml: arms.mixed.real"),
        ("data/tasks/t.yaml", b"a task", b"another", "data/tasks/t.yaml is not what train@real ran with"),
        ("dvc.lock", md5(b"mixed").encode(), b"0" * 32, "data/predictions is not what evaluate ran with"),
    ],
)
def test_other_settings_another_card_and_arms_trained_since_are_told(file, old, new, message):
    files = one_run()
    assert old in files[file]
    found, _ = problem({**files, file: files[file].replace(old, new)})
    assert found.startswith(message)


def test_a_file_of_the_user_that_was_edited_since_is_told_and_one_that_is_not_here_is_not():
    files = {path: hashlib.sha256(b"text").hexdigest() for path in ("data/raw/a.csv", "data/raw/gone.csv")}
    run = {**one_run(), "metrics/prepare.json": json.dumps({"files": files}).encode()}
    assert problem({**run, "data/raw/a.csv": b"text"}) == ("", [])
    assert problem({**run, "data/raw/a.csv": b"text!"})[0] == "data/raw/a.csv is not what prepare ran with"


def test_metrics_that_differ_from_what_is_recorded_are_told():
    assert problem({**one_run(), "metrics/evaluate.json": b'{"a": 1}'}) == ("", ["metrics/evaluate.json"])


def test_a_lock_with_conflicts_is_one_line():
    with pytest.raises(DataError, match=r"^dvc\.lock: not valid YAML; after a merge take either side"):
        problem({**one_run(), "dvc.lock": b"<<<<<<< HEAD\nstages:\n  a: {\n"})


@pytest.mark.parametrize(
    "stages", [5, {"evaluate": 5}, {"evaluate": {"deps": 3}}, {"evaluate": {"params": {"a": 1}}}]
)
def test_a_lock_that_dvc_did_not_write_is_told(stages):
    content = json.dumps({"stages": stages}).encode()
    with pytest.raises(DataError, match=r"dvc\.lock: not as DVC writes it; delete it"):
        problem({**one_run(), "dvc.lock": content})
    with pytest.raises(DataError, match=r"dvc\.lock: not as DVC writes it; delete it"):
        recorded_arms({"dvc.lock": content}.get)
