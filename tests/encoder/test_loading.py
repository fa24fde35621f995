import json
import shutil
from itertools import pairwise

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from labelmint.core.errors import ModelError
from labelmint.core.records import Input
from labelmint.encoder import running
from labelmint.encoder.loading import LoadedEncoder, open_encoder
from tests.builders import reviews
from tests.encoder.helpers import config

ROW = Input(id="", text="film")


@pytest.fixture
def entry(project, encoder_folder):
    """Return entry(...): open the tiny encoder by a catalogue entry with these keys."""

    def make(**keys):
        content = {"tiny": {"kind": "encoder", "path": str(encoder_folder), **keys}}
        (project / "data/models.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        return open_encoder("tiny")

    return make


def test_the_catalogue_says_how_an_encoder_pools(entry):
    vectors = [entry(pooling=pooling).embed(config(), [ROW])[0] for pooling in ("mean", "cls", "last")]
    np.testing.assert_allclose([np.linalg.norm(vector) for vector in vectors], 1, atol=1e-5)
    assert min(np.abs(one - other).max() for one, other in pairwise(vectors)) > 1e-3


def test_the_catalogues_prefix_goes_before_each_text(entry):
    plain, prefixed = entry(), entry(prefix="story ")
    pair = Input(id="", text="film", text_pair="cast")
    said = [{**ROW, "text": "story film"}, {**pair, "text": "story film"}]
    for row, wanted in zip([ROW, pair], said, strict=True):
        np.testing.assert_array_equal(prefixed.embed(config(), [row]), plain.embed(config(), [wanted]))


def drop_weights(folder, part):
    weights = load_file(folder / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if part not in name}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})


def spoil_weights(folder):
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.word_embeddings.weight"][3] = torch.nan
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def longer_vocabulary(folder):
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = content["model"]["vocab"]
    vocabulary |= {f"more{at}": len(vocabulary) + at for at in range(9)}
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")


def first_token(folder):
    (folder / "1_Pooling").mkdir()
    modes = '{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}'
    (folder / "1_Pooling/config.json").write_text(modes, encoding="utf-8")


def cut(file):
    file.write_bytes(file.read_bytes()[:-999])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: drop_weights(folder, "layer.1"), "the weights lack 16 of the encoder's tensors"),
        (spoil_weights, "the weights are damaged: "),
        (longer_vocabulary, "the tokenizer has more tokens than the encoder"),
        (
            first_token,
            "1_Pooling/config.json says pooling cls, not mean; say so in data/models.yaml, `pooling: c",
        ),
        (lambda folder: cut(folder / "model.safetensors"), "can't be opened as an encoder"),
        (lambda folder: (folder / "config.json").unlink(), "can't be opened as an encoder"),
        (lambda folder: (folder / "config.json").write_text("<html>"), "can't be opened as an encoder"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "it has no tokenizer: fetch the model's token"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "its tokenizer can't be opened"),
    ],
)
def test_a_broken_or_mixed_up_encoder_is_told_in_a_line(entry, encoder_folder, tmp_path, damage, message):
    folder = tmp_path / "broken"
    shutil.copytree(encoder_folder, folder)
    damage(folder)
    with pytest.raises(ModelError) as caught:
        entry(path=str(folder))
    assert str(caught.value).startswith(f"{folder}: {message}")
    assert "\n" not in str(caught.value)


@torch.no_grad()
@pytest.mark.parametrize("batch_rows", [1, 3, 64])
def test_vectors_are_in_the_order_of_the_rows(classifier, tokenizer, batch_rows, monkeypatch):
    monkeypatch.setattr(running, "_BATCH_ROWS", batch_rows)
    model, rows = classifier().train(), reviews({"negative": 7, "positive": 7}, words=8)
    rows = [Input(id="", text=row["text"][: 12 + 9 * (at % 5)]) for at, row in enumerate(rows)]
    vectors = LoadedEncoder(tokenizer, torch.device("cpu"), model).embed(config(), rows)
    assert vectors.shape == (14, model.width)
    assert not model.training  # no dropout
    for row, own in zip(rows, vectors, strict=True):
        tokens = torch.tensor([tokenizer(row["text"])["input_ids"]])
        np.testing.assert_allclose(model.features(tokens, torch.ones_like(tokens))[0], own, atol=1e-5)
