"""Entries of the catalogue that are wrong, missing, or of the wrong kind."""

import pytest
import yaml

from labelmint.llm.catalog import load_entry
from tests.builders import failure

WRITERS = ("base", "chat")
HUB = {"repo": "owner/toy-GGUF", "file": "toy-Q4_K_M.gguf"}


def catalogue(project, content):
    (project / "data/models.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def entry_failure(name="toy", kinds=WRITERS):
    return failure(load_entry, name, kinds, "llm.model")


def test_an_unknown_model_is_an_error_that_lists_the_known_ones(project):
    assert entry_failure("gemma-4").startswith(
        "params.yaml: llm.model: no model 'gemma-4' in data/models.yaml; "
        "it has gemma-3-270m, smollm2-135m-instruct, qwen3-0-6b, "
    )


def test_a_name_with_a_dot_is_an_error(project):
    catalogue(project, {"toy-1.5b": {"kind": "base", "path": "a"}})
    assert entry_failure("toy-1.5b") == (
        "data/models.yaml: toy-1.5b: rename it without dots: DVC takes them for nested keys"
    )


def test_a_model_of_the_wrong_kind_is_an_error(project):
    assert entry_failure("minilm-l6-v2") == (
        "params.yaml: llm.model: 'minilm-l6-v2' is of kind encoder, not base or chat"
    )
    assert entry_failure("gemma-3-270m", ("encoder",)).endswith("is of kind base, not encoder")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"kind": "base"}, "toy: give one of `path`, `package` and `hub`"),
        (
            {"kind": "base", "path": "a", "package": "b", "file": "c"},
            "toy: give one of `path`, `package` and",
        ),
        ({"kind": "base", "path": "a", "hub": HUB}, "toy: give one of `path`, `package` and `hub`"),
        ({"kind": "encoder", "hub": HUB}, "toy: hub.file: an encoder's is the whole repository: remove it"),
        ({"kind": "base", "hub": {"repo": "a/b"}}, "toy: hub.file is missing"),
        ({"kind": "base", "path": "a", "pooling": "cls"}, "toy: `pooling`, `prefix` and `archive` are for"),
        ({"kind": "base", "hub": {**HUB, "repo": "toy"}}, "toy.hub.repo: string should match pattern"),
        ({"kind": "base", "hub": {**HUB, "file": "toy.bin"}}, "toy.hub.file: string should match pattern"),
        ({"kind": "base", "path": "a", "sha256": "abc"}, "toy.sha256: string should match pattern"),
        ({"kind": "base", "package": "b", "parts": ["b/c"]}, "toy: `file` is missing"),
        ({"kind": "base", "package": "b", "file": "c"}, "toy: give `parts` or `folder` with `package`"),
        ({"path": "a"}, "key toy.kind is missing"),
        ({"kind": "bse", "path": "a"}, "toy.kind: input should be 'base', 'chat' or 'encoder', not 'bse'"),
        ({"kind": "base", "path": "a", "sha": "b"}, "unknown key toy.sha; did you mean sha256?"),
        ("a.gguf", "toy must be a mapping of keys to values"),
        (None, "toy must be a mapping of keys to values"),
    ],
)
def test_a_wrong_entry_is_an_error_with_its_key(project, content, message):
    catalogue(project, {"toy": content})
    assert entry_failure().startswith(f"data/models.yaml: {message}")


@pytest.mark.parametrize("content", [None, [], [{"name": "toy"}], "toy"])
def test_a_catalogue_that_is_no_mapping_is_an_error(project, content):
    catalogue(project, content)
    assert entry_failure() == "data/models.yaml: the file must be a mapping of names to models"


def test_a_name_that_is_a_number_is_an_error(project):
    catalogue(project, {2024: {"kind": "base", "path": "a"}})
    assert entry_failure() == "data/models.yaml: 2024: a model's name must be text; rename it or quote it"


def test_a_broken_neighbour_does_not_hide_the_known_models(project):
    catalogue(project, {"broken": "text", "none": None, "good": {"kind": "base", "path": "a"}})
    assert entry_failure().endswith("it has good")
