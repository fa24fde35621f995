import errno
import hashlib
import io
import os
import zipfile

import pytest
import yaml

from labelmint.core.errors import LabelmintError
from labelmint.llm.catalog import Entry, load_entry, read_catalog
from labelmint.llm.catalog import files as model_files
from labelmint.llm.catalog.files import identity, model_file
from labelmint.llm.catalog.pinning import pin
from tests.llm.conftest import why_missing

CONTENT = [b"first part, ", b"second part, ", b"last part"]
WHOLE = b"".join(CONTENT)
HASH = hashlib.sha256(WHOLE).hexdigest()
PARTS = [f"toy_model/data/toy.part{number}" for number in range(3)]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Install a package with a model in three parts, and in one file."""
    folder = tmp_path / "site" / "toy_model"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").touch()
    for number, part in enumerate(CONTENT):
        (folder / f"data/toy.part{number}").write_bytes(part)
    (folder / "data/toy.gguf").write_bytes(WHOLE)
    monkeypatch.syspath_prepend(folder.parent)
    return folder / "data"


@pytest.fixture
def hashed(monkeypatch):
    """Return the list of the files whose hash was computed."""
    files, real = [], model_files.sha256
    monkeypatch.setattr(
        model_files, "sha256", lambda *every: files.extend(file.name for file in every) or real(*every)
    )
    return files


def entry(**changes):
    content = {"kind": "base", "package": "toy_model", "parts": PARTS, "file": "toy.gguf", "sha256": HASH}
    return Entry.model_validate({**content, **changes})


def test_parts_are_joined_into_the_cache_and_hashed_once(package, cache, hashed):
    joined = model_file("toy", entry())
    first = joined.stat()
    assert (joined, joined.read_bytes()) == (cache / "models/toy.gguf", WHOLE)
    assert [path.name for path in joined.parent.iterdir()] == ["toy.gguf"]
    second = model_file("toy", entry()).stat()
    assert (second.st_ino, second.st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    assert hashed == ["toy.gguf"]


def test_a_damaged_or_truncated_joined_file_is_made_again(package, cache):
    joined = model_file("toy", entry())
    joined.write_bytes(WHOLE[:-1] + b"?")
    os.utime(joined, ns=(1, 1))  # another time than the one remembered
    assert model_file("toy", entry()).read_bytes() == WHOLE
    os.truncate(joined, 5)
    assert model_file("toy", entry()).read_bytes() == WHOLE


@pytest.mark.parametrize("part", range(3))
def test_a_truncated_part_is_an_error_and_leaves_nothing(package, cache, part):
    os.truncate(package / f"toy.part{part}", 3)
    message = why_missing(entry())
    assert message.startswith(f"{cache}/models/toy.gguf: SHA-256 is ")
    assert f"data/models.yaml says {HASH[:16]}… for toy; " in message
    assert list((cache / "models").iterdir()) == []


def test_a_missing_part_is_an_error_with_a_remedy(package):
    (package / "toy.part1").unlink()
    assert why_missing(entry()) == (
        f"data/models.yaml: toy: {package}/toy.part1 is missing; reinstall the package toy_model"
    )


@pytest.mark.parametrize("name", ["no_such_package", "no_such_package.inner", ""])
def test_a_missing_package_is_an_error_with_a_remedy(name):
    assert why_missing(entry(parts=[f"{name}/toy.part0"])) == (
        f"data/models.yaml: toy: package {name} is not installed; run `make setup`"
    )


def test_a_model_in_one_file_or_a_folder_stays_where_it_is(package, cache):
    for where in ({"parts": ["toy_model/data/toy.gguf"]}, {"parts": [], "folder": "toy_model/data"}):
        assert model_file("toy", entry(**where)) == package / "toy.gguf"
    assert not (cache / "models").exists()


@pytest.mark.parametrize(
    "where", [{"parts": ["toy_model/data/toy.gguf"]}, {"parts": [], "folder": "toy_model/data"}, {}]
)
def test_another_hash_is_an_error(package, where):
    assert f"SHA-256 is {HASH[:16]}…" in why_missing(entry(sha256="0" * 64, **where))


def test_an_altered_file_is_an_error_also_after_it_was_checked(package):
    whole = entry(parts=["toy_model/data/toy.gguf"])
    model_file("toy", whole)
    (package / "toy.gguf").write_bytes(b"something else")
    assert "is damaged or another one" in why_missing(whole)


def test_a_path_may_be_without_a_hash(tmp_path, hashed, capsys):
    file = tmp_path / "own.gguf"
    file.write_bytes(b"anything")
    assert model_file("own", Entry(kind="base", path=str(file))) == file
    assert hashed == []
    assert capsys.readouterr().err == (
        "data/models.yaml: own has no sha256, so a changed file would go unnoticed; "
        "record it: labelmint models pin own\n"
    )


@pytest.mark.parametrize("place", ["{}/own.gguf", "own.gguf", "~/own.gguf"])
def test_a_path_may_be_whole_or_relative_to_the_project_or_the_home_folder(
    project, monkeypatch, capsys, place
):
    monkeypatch.setenv("HOME", str(project))
    (project / "own.gguf").write_bytes(WHOLE)
    own = Entry(kind="base", path=place.format(project), sha256=HASH)
    assert model_file("own", own).samefile(project / "own.gguf")
    assert capsys.readouterr().err == ""
    assert "own.gguf: SHA-256 is " in why_missing(own.model_copy(update={"sha256": "0" * 64}))


def test_a_path_without_a_file_is_an_error(tmp_path):
    own = Entry(kind="base", path=str(tmp_path / "no.gguf"))
    assert why_missing(own) == f"data/models.yaml: toy: path: no file {tmp_path}/no.gguf"


@pytest.mark.parametrize(
    ("given", "name"), [(None, "model.safetensors"), ("own.safetensors", "own.safetensors")]
)
def test_an_encoders_path_may_be_its_folder(tmp_path, given, name):
    (tmp_path / name).write_bytes(WHOLE)
    own = Entry(kind="encoder", path=str(tmp_path), file=given, sha256=HASH)
    assert model_file("own", own) == tmp_path / name
    assert f"{name}: SHA-256 is " in why_missing(own.model_copy(update={"sha256": "0" * 64}))


@pytest.mark.parametrize(("kind", "missing"), [("encoder", "/model.safetensors"), ("base", "")])
def test_a_folder_without_an_encoder_in_it_is_an_error(tmp_path, kind, missing):
    assert f"no file {tmp_path}{missing}" in why_missing(Entry(kind=kind, path=str(tmp_path)))


def test_the_weights_in_a_folder_of_the_encoders_are_named(tmp_path):
    inner = tmp_path / "0_Transformer/model.safetensors"
    inner.parent.mkdir()
    inner.write_bytes(WHOLE)
    own = Entry(kind="encoder", path=str(tmp_path))
    assert why_missing(own).endswith("name the weights: `file: 0_Transformer/model.safetensors`")
    assert model_file("own", own.model_copy(update={"file": "0_Transformer/model.safetensors"})) == inner


@pytest.mark.parametrize("kind", ["encoder", "base"])
def test_a_pointer_in_the_place_of_a_model_is_told_whatever_its_kind(tmp_path, kind):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\n")
    assert why_missing(Entry(kind=kind, path=str(file))).startswith(f"{file}: it is a pointer of Git LFS")
    assert "no file ~no-such-user/x" in why_missing(Entry(kind=kind, path="~no-such-user/x"))


def zipped(folder, damaged=False):
    """Put an encoder's folder into two files of the package, which together are a zip."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("inside/config.json", "{}")
        archive.writestr("inside/model.safetensors", WHOLE)
    content = data.getvalue()[: -30 if damaged else None]
    parts = [content[:100], content[100:]]
    for number, part in enumerate(parts):
        (folder / f"zip{number}").write_bytes(part)
    names = [f"toy_model/data/zip{number}" for number in range(2)]
    return entry(kind="encoder", parts=names, archive="inside", file="model.safetensors")


def test_an_encoder_in_a_zip_in_parts_is_unpacked_once(package, cache, hashed):
    weights = model_file("toy", zipped(package))
    assert weights == cache / "models/toy/model.safetensors"
    assert weights.read_bytes() == WHOLE
    assert (weights.parent / "config.json").is_file()
    assert [path.name for path in (cache / "models").iterdir()] == ["toy"]
    before = weights.stat().st_ino
    assert model_file("toy", zipped(package)).stat().st_ino == before
    weights.write_bytes(b"damaged")
    assert model_file("toy", zipped(package)).read_bytes() == WHOLE


def test_pinning_a_zip_records_what_is_in_the_package_now(package, project, capsys):
    the_entry = zipped(package).model_copy(update={"sha256": None})
    unpacked = model_file("toy", the_entry)
    unpacked.write_bytes(b"damaged")
    content = {"toy": the_entry.model_dump(exclude_none=True)}
    (project / "data/models.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    capsys.readouterr()
    assert pin("toy") == f"data/models.yaml: toy: recorded sha256 {HASH}"
    assert "has no sha256" not in capsys.readouterr().err


def test_a_damaged_zip_is_an_error_and_leaves_nothing(package, cache):
    assert "can't be unpacked" in why_missing(zipped(package, damaged=True))
    assert list((cache / "models").iterdir()) == []
    other = zipped(package).model_copy(update={"archive": "elsewhere"})
    assert "the zip has no elsewhere/model.safetensors" in why_missing(other)


def test_a_full_disk_is_not_taken_for_a_damaged_zip(package, cache, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "extractall", full)
    with pytest.raises(LabelmintError, match=r"No space left.*; free some space, or let LABELMINT_CACHE"):
        model_file("toy", zipped(package))
    assert list((cache / "models").iterdir()) == []


@pytest.fixture
def split(tmp_path):
    """Return the first file of a GGUF model in three."""
    for number, part in enumerate(CONTENT, 1):
        (tmp_path / f"toy-{number:05d}-of-00003.gguf").write_bytes(part)
    return tmp_path / "toy-00001-of-00003.gguf"


def test_a_model_in_several_files_is_checked_whole_and_opened_by_its_first(split):
    the_entry = Entry(kind="base", path=str(split), sha256=HASH)
    assert model_file("toy", the_entry) == split
    last = split.with_name("toy-00003-of-00003.gguf")
    last.write_bytes(b"another")
    assert "SHA-256 is" in why_missing(the_entry)
    message = why_missing(the_entry.model_copy(update={"path": str(last)}))
    assert message.endswith("is a later part of a model: name the first, toy-00001-of-00003.gguf")
    last.unlink()
    assert f"no file {last}" in why_missing(the_entry)


def test_a_later_file_of_a_model_without_a_hash_is_part_of_its_identity(split):
    the_entry = Entry(kind="base", path=str(split))
    before = identity(split, the_entry)
    split.with_name("toy-00003-of-00003.gguf").write_bytes(b"another")
    assert identity(split, the_entry) != before


@pytest.mark.parametrize("memory", ["", "[]", "3", '{"half', "{}"])
def test_a_damaged_memory_of_hashes_is_made_again(package, cache, hashed, memory):
    model_file("toy", entry())
    (cache / "verified.json").write_text(memory, encoding="utf-8")
    for _ in range(2):
        assert model_file("toy", entry()).read_bytes() == WHOLE
    assert hashed == ["toy.gguf"] * 2


def test_the_shipped_catalogue_is_right(project):
    for name, content in read_catalog().items():
        shipped = Entry.model_validate(content)
        assert shipped.sha256 or shipped.hub, name  # what comes with the packages is pinned
        assert shipped.licence != "unknown"
        assert "." not in name  # DVC takes a dot for a nested key


@pytest.mark.slow
@pytest.mark.parametrize("name", ["smollm2-135m-instruct", "minilm-l6-v2"])
def test_the_shipped_files_have_their_hashes(project, name):
    assert model_file(name, load_entry(name, ("chat", "encoder"), "llm.model")).is_file()
