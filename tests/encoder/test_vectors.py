import numpy as np
import pytest
import yaml

from labelmint.core.params import load_params
from labelmint.core.records import Input
from labelmint.encoder import loading, vectors
from labelmint.encoder.vectors import Vectors, embed_by_source, embed_rows
from tests.builders import REPOSITORY

TRAIN = load_params(REPOSITORY / "params.yaml").train


def rows(*texts):
    return [Input(id=f"x{number}", text=text) for number, text in enumerate(texts)]


@pytest.fixture
def opened():
    """Return the names of the encoders that were opened."""
    return []


@pytest.fixture
def calls(project, opened, monkeypatch):
    """Note the texts of each call of the encoder; a text's vector depends on what shares its call."""
    made = []
    monkeypatch.setattr(vectors, "model_file", lambda name, entry: project / "params.yaml")

    class Encoder:
        def embed(self, config, own, on_rows=lambda _: None):
            made.append([row["text"] for row in own])
            on_rows(len(own))
            return np.array([[len(row["text"]), len(own), 0.5] for row in own], np.float32)

    monkeypatch.setattr(loading, "open_encoder", lambda name: opened.append(name) or Encoder())
    monkeypatch.setattr(vectors, "CHUNK_ROWS", 2)
    return made


def test_rows_are_embedded_in_chunks_and_never_again(calls, opened):
    done = []
    assert len(embed_rows(TRAIN, [])) == 0
    found = embed_rows(TRAIN, rows("a", "bb", "ccc"), done.append)
    assert found.tolist() == [[1, 2, 0.5], [2, 2, 0.5], [3, 1, 0.5]]
    assert found.dtype == np.float32
    again = embed_rows(TRAIN, rows("a", "bb", "ccc"), done.append)
    assert (again == found).all()
    assert calls == [["a", "bb"], ["ccc"]]
    assert sum(done) == 6
    assert len(opened) == 1
    # More rows embed the last chunk again, so that history makes no difference.
    assert embed_rows(TRAIN, rows("a", "bb", "ccc", "dddd")).tolist()[2:] == [[3, 2, 0.5], [4, 2, 0.5]]
    assert calls[2:] == [["ccc", "dddd"]]


@pytest.mark.parametrize("changes", [{"max_tokens": 9}, {"precision": "bf16"}])
def test_other_settings_of_the_encoder_embed_anew(calls, changes):
    train = TRAIN.model_copy(update={"precision": "fp32"})  # that of `auto` depends on the processor
    embed_rows(train, rows("a"))
    embed_rows(train.model_copy(update=changes), rows("a"))
    assert len(calls) == 2


@pytest.mark.parametrize("changes", [{"pooling": "cls"}, {"prefix": "query: "}, {"sha256": "0" * 64}])
def test_another_entry_in_the_catalogue_embeds_anew(project, calls, changes):
    path = project / "data/models.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    embed_rows(TRAIN, rows("a"))
    content[TRAIN.encoder] |= changes
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    embed_rows(TRAIN, rows("a"))
    assert len(calls) == 2


def test_sources_are_embedded_by_themselves_and_their_rows_stay_in_order(calls):
    sources = ["synthetic", "real", "synthetic", "real", "real"]
    mixed = [
        {**row, "source": source}
        for row, source in zip(rows("a", "bb", "ccc", "dddd", "eeeee"), sources, strict=True)
    ]
    assert embed_by_source(TRAIN, mixed)[:, 0].tolist() == [1, 2, 3, 4, 5]
    assert calls == [["a", "ccc"], ["bb", "dddd"], ["eeeee"]]


def test_groups_are_embedded_once_and_only_when_asked_for():
    asked = []

    def embed(group):
        asked.append([row["id"] for row in group])
        return np.array([[float(row["text"])] for row in group], np.float32)

    one, two = rows("1", "2", "3"), [Input(id="t", text="9")]
    own = Vectors(embed, one, two)
    assert own.of([]).shape[0] == 0
    assert own.of([one[2], one[0]]).tolist() == [[3], [1]]
    assert own.of(one[1:]).tolist() == [[2], [3]]
    assert asked == [["x0", "x1", "x2"]]
    assert own.of(two).tolist() == [[9]]
    assert len(asked) == 2
