"""Results and experiments go through DVC remotes to another clone, as docs/howto/sharing.md shows."""

import pytest

from tests.pipeline.conftest import Clone, copy_of

pytestmark = pytest.mark.slow


def test_results_and_experiments_go_to_another_clone(clone, tmp_path):
    """Push the first run to a folder and its commit to a bare repository; clone that elsewhere."""
    hub, store = str(tmp_path / "hub.git"), str(tmp_path / "store")
    clone.run("git", "init", "-q", "--bare", "-b", "main", hub)
    clone.run("git", "remote", "add", "origin", hub)
    clone.run("git", "push", "-q", "origin", "main")
    colleague = Clone(tmp_path / "other")
    clone.run("git", "clone", "-q", hub, str(colleague.folder))
    for each in (clone, colleague):
        each.dvc("remote", "add", "--local", "-d", "store", store)
    clone.dvc("push")

    # Nothing is here yet, and only what changed is run on results that are pulled.
    assert colleague.stages_run("repro", "--allow-missing", "--dry") == []
    colleague.write_params({"evaluate.bootstrap_samples": 150})
    assert colleague.stages_run("repro", "--pull", "evaluate") == ["prepare", "evaluate"]
    colleague.run("git", "reset", "-q", "--hard")  # dvc.lock is staged

    # After a pull nothing is run, and gc keeps what is used.
    colleague.dvc("pull")
    colleague.dvc("gc", "--workspace", "--force")
    assert colleague.stages_run("repro") == []
    for name in ("data/synthetic/candidates.jsonl", "models/real/student.json", "metrics/report.html"):
        assert (colleague.folder / name).read_bytes() == (clone.folder / name).read_bytes()

    clone.dvc("exp", "run", "-n", "fewer", "-S", "evaluate.bootstrap_samples=160", "evaluate")
    clone.dvc("exp", "push", "origin", "fewer")
    colleague.dvc("exp", "pull", "origin", "fewer")
    colleague.dvc("exp", "apply", "fewer")
    assert "bootstrap_samples: 160" in (colleague.folder / "params.yaml").read_text()
    assert colleague.stages_run("repro", "evaluate") == []


def test_results_go_through_s3(finished, tmp_path, monkeypatch):
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
        here, there = copy_of(finished, tmp_path / "home"), Clone(tmp_path / "other")
        here.run("git", "clone", "-q", str(here.folder), str(there.folder))
        for clone, command in ((here, "push"), (there, "pull")):
            clone.dvc("remote", "add", "--local", "bucket", "s3://labelmint/project")
            clone.dvc("remote", "modify", "--local", "bucket", "endpointurl", url)
            clone.dvc(command, "-r", "bucket", "prepare")
    finally:
        server.stop()
    name = "data/real/train.jsonl"
    assert (there.folder / name).read_bytes() == (here.folder / name).read_bytes()
