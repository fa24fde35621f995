import numpy as np
import pytest

from labelmint.core.params import load_params
from labelmint.core.records import Input
from labelmint.encoder import vectors
from labelmint.encoder.vectors import Vectors, embed_rows
from tests.builders import REPOSITORY

TRAIN = load_params(REPOSITORY / "params.yaml").train


def rows(*texts):
    return [Input(id=f"x{number}", text=text) for number, text in enumerate(texts)]


@pytest.fixture
def calls(project, monkeypatch):
    """Note the texts of each call of the encoder; a text's vector depends on what shares its call."""
    made = []

    def embed(config, own, on_rows=lambda _: None):
        made.append([row["text"] for row in own])
        on_rows(len(own))
        return np.array([[len(row["text"]), len(own), 0.5] for row in own], np.float32)

    monkeypatch.setattr("labelmint.encoder.embedding.embed_rows", embed)
    monkeypatch.setattr(vectors, "CHUNK_ROWS", 2)
    return made


def test_rows_are_embedded_in_chunks_and_never_again(calls):
    done = []
    found = embed_rows(TRAIN, rows("a", "bb", "ccc"), done.append)
    assert found.tolist() == [[1, 2, 0.5], [2, 2, 0.5], [3, 1, 0.5]]
    assert found.dtype == np.float32
    again = embed_rows(TRAIN, rows("a", "bb", "ccc"), done.append)
    assert (again == found).all()
    assert calls == [["a", "bb"], ["ccc"]]
    assert sum(done) == 6


def test_more_rows_embed_the_last_chunk_again_so_that_history_makes_no_difference(calls):
    embed_rows(TRAIN, rows("a", "bb", "ccc"))
    assert embed_rows(TRAIN, rows("a", "bb", "ccc", "dddd")).tolist()[2:] == [[3, 2, 0.5], [4, 2, 0.5]]
    assert calls[2:] == [["ccc", "dddd"]]


def test_other_settings_of_the_encoder_embed_anew(calls):
    embed_rows(TRAIN, rows("a"))
    embed_rows(TRAIN.model_copy(update={"max_tokens": 9}), rows("a"))
    assert len(calls) == 2


def test_no_rows_need_no_encoder(calls):
    assert len(embed_rows(TRAIN, [])) == 0
    assert calls == []


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
