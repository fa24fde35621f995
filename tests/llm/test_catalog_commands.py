import hashlib

import pytest
from ruamel.yaml import YAML

from labelmint import cli
from labelmint.llm.catalog import load_entry
from labelmint.llm.catalog.files import model_file

WEIGHTS = b"weights"
HASH = hashlib.sha256(WEIGHTS).hexdigest()
CATALOGUE = """\
# A comment at the top.
first: # of the first
  kind: base # continues a text
  path: first.gguf
  licence: MIT

# Between the two.
second: {kind: chat, path: 'second.gguf', licence: "A licence: with a colon"} # in one line

parts:
  kind: base
  package: toy_parts
  parts:
    - toy_parts/one
    - toy_parts/two
  file: toy.gguf

bare:
  kind: base
  path: bare.gguf

# At the end.
last:
  kind: chat
  hub:
    repo: owner/last-GGUF
    file: last.gguf
"""


@pytest.fixture
def catalogue(project, monkeypatch):
    file = project / "data/models.yaml"
    file.write_text(CATALOGUE, encoding="utf-8")
    for name in ("first.gguf", "second.gguf", "bare.gguf"):
        (project / name).write_bytes(WEIGHTS)
    package = project / "site" / "toy_parts"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "one").write_bytes(WEIGHTS[:3])
    (package / "two").write_bytes(WEIGHTS[3:])
    monkeypatch.syspath_prepend(package.parent)
    return file


def main(arguments):
    cli.main(["models", *arguments])


def failure(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("first", "  path: first.gguf\n", f"  path: first.gguf\n  sha256: {HASH}\n"),
        ("second", "'second.gguf', ", f"'second.gguf', sha256: {HASH}, "),
        ("parts", "  file: toy.gguf\n", f"  sha256: {HASH}\n  file: toy.gguf\n"),
        ("bare", "  path: bare.gguf\n", f"  sha256: {HASH}\n  path: bare.gguf\n"),
    ],
)
def test_a_pin_changes_one_line_and_nothing_else(catalogue, capsys, name, old, new):
    main(["pin", name])
    assert capsys.readouterr() == (f"data/models.yaml: {name}: recorded sha256 {HASH}\n", "")
    assert catalogue.read_text(encoding="utf-8") == CATALOGUE.replace(old, new)
    assert load_entry(name, ("base", "chat"), "llm.model").sha256 == HASH
    assert not list(catalogue.parent.glob("*.tmp"))


def test_a_pinned_model_loads_without_a_note_and_is_checked(catalogue, capsys):
    main(["pin", "first"])
    capsys.readouterr()
    model_file("first", load_entry("first", ("base",), "llm.model"))
    assert capsys.readouterr().err == ""


def test_the_same_hash_again_changes_nothing(catalogue, capsys):
    main(["pin", "first"])
    before = catalogue.stat().st_mtime_ns
    main(["pin", "first"])
    assert capsys.readouterr().out.endswith(f"first: sha256 {HASH} is recorded already\n")
    assert catalogue.stat().st_mtime_ns == before


def test_another_hash_is_replaced_only_if_asked_to(catalogue, capsys):
    main(["pin", "first"])
    capsys.readouterr()
    pinned = catalogue.read_text(encoding="utf-8")
    (catalogue.parent.parent / "first.gguf").write_bytes(b"other")
    said = failure(capsys, "pin", "first")
    assert f"first: sha256 is {HASH[:16]}…, but the file's is " in said
    assert "--replace records it" in said
    assert catalogue.read_text(encoding="utf-8") == pinned
    main(["pin", "first", "--replace"])
    other = hashlib.sha256(b"other").hexdigest()
    assert catalogue.read_text(encoding="utf-8") == pinned.replace(HASH, other)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("third", "data/models.yaml: no model 'third'; it has first, second, parts, bare, last"),
        ("last", "data/models.yaml: last: last.gguf of owner/last-GGUF is not on this machine"),
    ],
)
def test_what_can_not_be_pinned_is_an_error(catalogue, capsys, monkeypatch, name, said):
    monkeypatch.setattr("huggingface_hub.is_offline_mode", lambda: True)
    assert failure(capsys, "pin", name).startswith(f"labelmint models: error: {said}")
    assert catalogue.read_text(encoding="utf-8") == CATALOGUE


def test_an_edit_that_would_change_more_is_not_made(catalogue, capsys, monkeypatch):
    monkeypatch.setattr(YAML, "dump", lambda self, content, file: file.write("first: {}\n"))
    assert f"can't be edited safely; add `sha256: {HASH}` yourself" in failure(capsys, "pin", "first")
    assert catalogue.read_text(encoding="utf-8") == CATALOGUE


def test_the_shipped_catalogue_survives_a_pin(project, capsys):
    file = project / "data/models.yaml"
    text = file.read_text(encoding="utf-8")
    (project / "own.gguf").write_bytes(WEIGHTS)
    file.write_text(text + "\nown:\n  kind: base\n  path: own.gguf\n", encoding="utf-8")
    main(["pin", "own"])
    assert file.read_text(encoding="utf-8") == (
        f"{text}\nown:\n  kind: base\n  sha256: {HASH}\n  path: own.gguf\n"
    )


def test_the_list_says_where_models_come_from_and_whether_they_are_here(catalogue, capsys):
    main(["pin", "first"])
    capsys.readouterr()
    main(["list"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["name", "kind", "from", "licence", "pinned", "here"],
        ["first", "base", "path", "first.gguf", "MIT", "yes", "yes"],
        ["second", "chat", "path", "second.gguf", "A", "licence:", "with", "a", "colon", "no", "yes"],
        ["parts", "base", "package", "toy_parts", "unknown", "no", "yes"],
        ["bare", "base", "path", "bare.gguf", "unknown", "no", "yes"],
        ["last", "chat", "hub", "owner/last-GGUF", "unknown", "no", "no"],
    ]
