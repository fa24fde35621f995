"""Results and experiments go through DVC remotes to another clone, as docs/howto/sharing.md shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pipeline.conftest import Clone

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def colleague(pristine, first_run, tmp_path_factory) -> Iterator[Clone]:
    """Push the first run to a folder and its commit to a bare repository; clone that elsewhere."""
    home = tmp_path_factory.mktemp("sharing")
    hub, store = str(home / "hub.git"), str(home / "store")
    pristine.run("git", "init", "-q", "--bare", "-b", "main", hub)
    pristine.run("git", "remote", "add", "origin", hub)
    pristine.run("git", "push", "-q", "origin", "main")
    pristine.run("git", "clone", "-q", hub, str(home / "other"))
    other = Clone(home / "other", home)
    for clone in (pristine, other):
        clone.dvc("remote", "add", "--local", "-d", "store", store)
    pristine.dvc("push")
    yield other
    pristine.run("git", "remote", "remove", "origin")
    (pristine.folder / ".dvc/config.local").unlink()


def test_only_what_changed_is_run_on_results_that_are_pulled(colleague):
    assert colleague.stages_run("repro", "--allow-missing", "--dry") == []  # nothing is here yet
    colleague.write_params({"evaluate.bootstrap_samples": 150})
    assert colleague.stages_run("repro", "--pull", "evaluate") == ["prepare", "evaluate"]
    colleague.run("git", "reset", "-q", "--hard")  # dvc.lock is staged


def test_after_a_pull_nothing_is_run_and_gc_keeps_what_is_used(colleague, pristine):
    colleague.dvc("pull")
    colleague.dvc("gc", "--workspace", "--force")
    assert colleague.dvc_json("status") == {}
    assert colleague.stages_run("repro") == []
    for name in ("data/synthetic/candidates.jsonl", "models/real/student.json", "metrics/report.html"):
        assert (colleague.folder / name).read_bytes() == (pristine.folder / name).read_bytes()


def test_an_experiment_goes_to_another_clone(clone, colleague):
    clone.dvc("exp", "run", "-n", "fewer", "-S", "evaluate.bootstrap_samples=160", "evaluate")
    clone.dvc("exp", "push", "origin", "fewer")
    colleague.dvc("exp", "pull", "origin", "fewer")
    colleague.dvc("exp", "apply", "fewer")
    assert "bootstrap_samples: 160" in (colleague.folder / "params.yaml").read_text()
    assert colleague.stages_run("repro", "evaluate") == []
    colleague.run("git", "reset", "-q", "--hard")  # dvc.lock is staged


def test_results_go_through_s3(pristine, first_run, tmp_path, monkeypatch):
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    pytest.importorskip("dvc_s3")
    boto3 = pytest.importorskip("boto3")
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    server.start()
    try:
        url = "http://{}:{}".format(*server.get_host_and_port())
        boto3.client("s3", endpoint_url=url).create_bucket(Bucket="labelmint")
        pristine.run("git", "clone", "-q", str(pristine.folder), str(tmp_path / "other"))
        here, there = Clone(pristine.folder, tmp_path), Clone(tmp_path / "other", tmp_path)
        for clone, command in ((here, "push"), (there, "pull")):
            clone.dvc("remote", "add", "--local", "bucket", "s3://labelmint/project")
            clone.dvc("remote", "modify", "--local", "bucket", "endpointurl", url)
            clone.dvc(command, "-r", "bucket", "prepare")
    finally:
        server.stop()
        pristine.dvc("remote", "remove", "--local", "bucket")
    name = "data/real/train.jsonl"
    assert (there.folder / name).read_bytes() == (here.folder / name).read_bytes()
