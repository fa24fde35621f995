import json
import math

import numpy as np
import pytest
import torch
from transformers import DistilBertConfig, DistilBertModel, MPNetConfig, MPNetModel, pipeline

from labelmint.core.errors import ModelError
from labelmint.encoder.classifier import export, load_encoder
from labelmint.students.arm import predict
from labelmint.students.save import save_model
from tests.builders import reviews
from tests.train.helpers import LABELS, review_rows

TEXTS = ["film", "film story awful !", "story " * 20 + "great", "awful", "night road bright lovely and dull"]


@pytest.fixture
def trained(classifier):
    """Return trained(labels, seed): a classifier with a random head as steep as logistic regression's."""

    def make(labels, seed=0):
        draw = np.random.default_rng(seed)
        model = classifier(labels)
        model.set_head(draw.normal(0, 8, (labels, model.width)), draw.normal(0, 1, labels))
        return model

    return make


def batch_of(tokenizer, texts=TEXTS):
    encoded = tokenizer(texts, padding=True, return_tensors="pt")
    return {"input_ids": encoded["input_ids"], "attention_mask": encoded["attention_mask"]}


@torch.no_grad()
def test_features_are_centred_unit_vectors(classifier, tokenizer):
    features = classifier().features(**batch_of(tokenizer))
    np.testing.assert_allclose(features.norm(dim=1), 1, atol=1e-5)
    np.testing.assert_allclose(features.mean(dim=1), 0, atol=1e-6)


@torch.no_grad()
def test_features_are_normalised_means_over_the_tokens_alone(classifier, tokenizer):
    model = classifier()
    together = model.features(**batch_of(tokenizer))
    for text, own in zip(TEXTS, together, strict=True):
        alone = batch_of(tokenizer, [text])
        np.testing.assert_allclose(model.features(**alone)[0], own, atol=1e-5)
        mean = model.encoder(**alone).last_hidden_state[0].mean(dim=0)
        mean = mean - mean.mean()
        np.testing.assert_allclose(mean / mean.norm(), own, atol=1e-5)


@torch.no_grad()
def test_the_loss_is_given_with_labels_only(trained, tokenizer):
    model, batch = trained(3), batch_of(tokenizer)
    assert set(model(**batch)) == {"logits"}
    output = model(**batch, labels=torch.tensor([0, 1, 2, 0, 1]))
    probabilities = torch.softmax(output["logits"], dim=1)
    own = probabilities[range(5), [0, 1, 2, 0, 1]]
    assert output["loss"].item() == pytest.approx(-own.log().mean().item(), rel=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("labels", [2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_the_exported_model_gives_the_same_answers(trained, tokenizer, labels, seed):
    model, batch = trained(labels, seed), batch_of(tokenizer)
    ours = model(**batch)["logits"]
    theirs = export(model, LABELS[:labels])(**batch).logits
    assert ours.std() > 0.5  # or agreement would say nothing
    np.testing.assert_allclose(theirs, ours, atol=1e-2)
    assert theirs.argmax(dim=1).tolist() == ours.argmax(dim=1).tolist()


@torch.no_grad()
def test_the_exported_model_does_not_see_the_padding(trained, tokenizer):
    model = export(trained(3), LABELS)
    together = model(**batch_of(tokenizer)).logits
    for text, own in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(model(**batch_of(tokenizer, [text])).logits[0], own, atol=2e-3)


def test_export_leaves_the_classifier_as_it_is(trained):
    model = trained(3)
    before = {name: part.clone() for name, part in model.state_dict().items()}
    layers = model.encoder.config.num_hidden_layers
    plain = export(model, LABELS)
    assert model.encoder.config.num_hidden_layers == layers == plain.config.num_hidden_layers - 1
    assert all(torch.equal(part, before[name]) for name, part in model.state_dict().items())
    assert not plain.training


def test_a_saved_folder_is_a_pipeline_with_named_labels(trained, tokenizer, collator, tmp_path):
    model, rows = export(trained(3), LABELS), review_rows(tokenizer, 10, labels=3)
    expected = predict(model, rows, collator, 8, torch.device("cpu"))
    save_model(model, tokenizer, tmp_path / "arm", 16)
    classify = pipeline("text-classification", model=str(tmp_path / "arm"), top_k=None)
    texts = [row["text"] for row in reviews(dict.fromkeys(LABELS, 10), words=4)]
    for own, answer in zip(expected, classify(texts, batch_size=4), strict=True):
        assert {entry["label"]: pytest.approx(entry["score"], abs=1e-3) for entry in answer} == dict(
            zip(LABELS, own, strict=True)
        )


def test_a_saved_folder_cuts_texts_where_training_did(trained, tokenizer, tmp_path):
    save_model(export(trained(2), LABELS[:2]), tokenizer, tmp_path / "arm", 16)
    classify = pipeline("text-classification", model=str(tmp_path / "arm"))
    long, cut = "film " * 300 + "awful", "film " * 14
    (one,), (other,) = classify([long], truncation=True), classify([cut])
    assert one == {"label": other["label"], "score": pytest.approx(other["score"], abs=1e-6)}


def test_a_saved_folder_holds_what_loads_anywhere(trained, tokenizer, tmp_path):
    save_model(export(trained(3), LABELS), tokenizer, tmp_path / "arm", 16)
    assert {path.name for path in tmp_path.iterdir()} == {"arm"}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {
        path.name for path in (tmp_path / "arm").iterdir()
    }
    config = json.loads((tmp_path / "arm/config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["BertForSequenceClassification"]
    assert config["id2label"] == {"0": "negative", "1": "positive", "2": "neutral"}
    assert config["label2id"] == {"negative": 0, "positive": 1, "neutral": 2}


def test_saving_takes_the_place_of_an_older_model_and_of_leftovers(trained, tokenizer, tmp_path):
    for leftover in ("arm", ".arm.tmp"):
        (tmp_path / leftover).mkdir()
        (tmp_path / leftover / "old.bin").write_bytes(b"old")
    save_model(export(trained(2), LABELS[:2]), tokenizer, tmp_path / "arm", 16)
    assert {path.name for path in tmp_path.iterdir()} == {"arm"}
    assert not (tmp_path / "arm/old.bin").exists()


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failed_save_leaves_the_older_model_and_nothing_half_written(
    trained, tokenizer, tmp_path, monkeypatch, error
):
    def fail(*_, **__):
        raise error

    (tmp_path / "arm").mkdir()
    (tmp_path / "arm/old.bin").write_bytes(b"old")
    monkeypatch.setattr(type(tokenizer), "save_pretrained", fail)
    with pytest.raises(type(error)):
        save_model(export(trained(2), LABELS[:2]), tokenizer, tmp_path / "arm", 16)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["arm", "arm/old.bin"]


SMALL = {"vocab_size": 20, "max_position_embeddings": 16}
OTHERS = [
    lambda: DistilBertModel(DistilBertConfig(dim=8, n_heads=2, n_layers=1, hidden_dim=8, **SMALL)),
    lambda: MPNetModel(
        MPNetConfig(hidden_size=8, num_attention_heads=2, num_hidden_layers=1, intermediate_size=8, **SMALL)
    ),
]


@pytest.mark.parametrize("make", OTHERS)
def test_an_encoder_of_another_architecture_is_an_error_with_the_key(tmp_path, make):
    make().save_pretrained(tmp_path)
    with pytest.raises(ModelError) as caught:
        load_encoder(tmp_path)
    message = str(caught.value)
    assert message.startswith("params.yaml: train.encoder: ")
    assert "only BERT-type encoders are supported" in message
    assert "\n" not in message


def test_the_encoder_is_loaded_in_float32_and_without_a_pooler(encoder_folder):
    encoder = load_encoder(encoder_folder)
    assert {part.dtype for part in encoder.parameters()} == {torch.float32}
    assert encoder.pooler is None
    assert math.isclose(encoder.config.layer_norm_eps, 1e-12)
