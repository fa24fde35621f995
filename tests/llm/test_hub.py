import errno
from fnmatch import fnmatch

import httpx2
import huggingface_hub
import pytest
from huggingface_hub import errors

from labelmint.core.errors import ModelError
from labelmint.llm.catalog import Entry, load_entry
from labelmint.llm.catalog.files import model_file, source_files
from tests.llm.conftest import why_missing

REPO, FILE = "owner/toy-GGUF", "toy-Q4_K_M.gguf"


class FakeHub:
    """Stands in for the hub: files by (repo, file, revision), or the error that fetching gives."""

    def __init__(self, folder):
        self.folder, self.here, self.error, self.fetched = folder, False, None, []

    def download(self, repo_id, filename, *, revision=None, local_files_only=False):
        target = self.folder / filename
        if local_files_only:
            if not self.here:
                raise errors.LocalEntryNotFoundError("not in the cache")
            return str(target)
        if self.error:
            raise self.error
        self.fetched.append((repo_id, filename, revision))
        target.write_bytes(b"weights")
        self.here = True
        return str(target)

    def snapshot(self, repo_id, *, revision=None, local_files_only=False, allow_patterns=None):
        names = ["config.json", "tokenizer.json", "model.safetensors", "pytorch_model.bin", "README.md"]
        for name in names:
            if any(fnmatch(name, pattern) for pattern in allow_patterns):
                self.download(repo_id, name, revision=revision, local_files_only=local_files_only)
        return str(self.folder)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    fake = FakeHub(tmp_path)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fake.download)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake.snapshot)
    monkeypatch.setattr(huggingface_hub, "is_offline_mode", lambda: False)
    return fake


@pytest.fixture
def offline(hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub, "is_offline_mode", lambda: True)
    return hub


def entry(**changes):
    return Entry.model_validate({"kind": "chat", "hub": {"repo": REPO, "file": FILE}, **changes})


def answered(error, status):
    request = httpx2.Request("GET", "https://huggingface.co/owner")
    return error("said\nat length", response=httpx2.Response(status, request=request))


def test_a_file_is_fetched_at_first_use_and_never_again(hub, capsys):
    assert model_file("toy", entry()).read_bytes() == b"weights"
    assert model_file("toy", entry()).read_bytes() == b"weights"
    assert hub.fetched == [(REPO, FILE, None)]
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"data/models.yaml: toy: fetching {FILE} from https://huggingface.co/{REPO}"
    assert [line for line in said if "fetching" in line] == said[:1]


def test_a_revision_is_asked_for(hub):
    model_file("toy", entry(hub={"repo": REPO, "file": FILE, "revision": "abc123"}))
    assert hub.fetched == [(REPO, FILE, "abc123")]


def test_a_file_that_is_here_needs_no_network(offline):
    (offline.folder / FILE).write_bytes(b"weights")
    offline.here = True
    assert model_file("toy", entry()) == offline.folder / FILE


def test_offline_the_error_says_how_to_allow_it(offline):
    assert why_missing(entry()) == (
        f"data/models.yaml: toy: {FILE} of {REPO} is not on this machine, and HF_HUB_OFFLINE=1 forbids to "
        "fetch it; allow it once, `HF_HUB_OFFLINE=0 make repro`, or fetch the file yourself and give `path:`"
    )
    assert offline.fetched == []


def test_looking_does_not_fetch(hub):
    with pytest.raises(ModelError, match="not on this machine"):
        source_files("toy", entry(), fetch=False)
    assert hub.fetched == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx2.ConnectError("no route\nto host"), "(no route); run it again with a connection, or fetch"),
        (OSError("reset by peer"), "(reset by peer); run it again"),
        (errors.LocalEntryNotFoundError("no connection"), "(no connection); run it again"),
        (answered(errors.HfHubHTTPError, 500), "(said); run it again"),
        (
            answered(errors.GatedRepoError, 403),
            f"accept its terms at https://huggingface.co/{REPO}, then `hf auth",
        ),
        (
            answered(errors.RepositoryNotFoundError, 404),
            f"hub: there is no {FILE} in {REPO}; correct the entry",
        ),
        (answered(errors.RemoteEntryNotFoundError, 404), f"there is no {FILE} in {REPO}; correct the entry"),
        (answered(errors.RevisionNotFoundError, 404), f"there is no {FILE} in {REPO}; correct the entry"),
    ],
)
def test_a_failed_download_is_one_line_with_a_remedy(hub, error, said):
    hub.error = error
    message = why_missing(entry())
    assert message.startswith("data/models.yaml: toy: ")
    assert said in message


def test_a_full_disk_is_no_lack_of_a_connection(hub):
    hub.error = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="No space left"):
        source_files("toy", entry())


def encoder(**where):
    return Entry.model_validate({"kind": "encoder", "hub": {"repo": REPO, **where}})


@pytest.mark.parametrize("revision", [None, "abc123"])
def test_an_encoder_is_fetched_with_all_it_needs_and_no_more(hub, revision):
    assert model_file("toy", encoder(revision=revision)) == hub.folder / "model.safetensors"
    names = ("config.json", "tokenizer.json", "model.safetensors")
    assert hub.fetched == [(REPO, name, revision) for name in names]
    model_file("toy", encoder(revision=revision))
    assert len(hub.fetched) == 3


def test_an_encoder_offline_is_an_error_until_it_is_here(offline):
    assert f"the encoder of {REPO} is not on this machine" in why_missing(encoder())
    (offline.folder / "model.safetensors").write_bytes(b"weights")
    offline.here = True
    assert model_file("toy", encoder()).parent == offline.folder


def test_an_encoder_without_safetensors_is_an_error(offline):
    offline.here = True
    assert "model.safetensors; get the model as safetensors: AutoModel" in why_missing(encoder())


def test_all_files_of_a_model_in_several_are_fetched(hub, monkeypatch):
    def download(repo_id, filename, **options):
        hub.here = (hub.folder / filename).exists()
        return hub.download(repo_id, filename, **options)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    names = [f"toy-{number:05d}-of-00002.gguf" for number in (1, 2)]
    the_entry = entry(hub={"repo": REPO, "file": names[0]})
    assert model_file("toy", the_entry) == hub.folder / names[0]
    assert [name for _, name, _ in hub.fetched] == names


def test_the_real_library_says_what_we_expect_offline(project, tmp_path, monkeypatch):
    """The cache is empty and HF_HUB_OFFLINE=1: no network is touched."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    name = "smollm2-1-7b-instruct"
    with pytest.raises(ModelError, match="is not on this machine, and HF_HUB_OFFLINE=1 forbids"):
        model_file(name, load_entry(name, ("chat",), "llm.model"))


def test_the_real_library_finds_a_file_in_its_cache(tmp_path, monkeypatch):
    snapshot = tmp_path / "models--owner--toy-GGUF" / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / FILE).write_bytes(b"weights")
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text("0" * 40)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert model_file("toy", entry()) == snapshot / FILE
