import math

import numpy as np
import pytest
import torch
from transformers import DistilBertConfig, DistilBertModel, MPNetConfig, MPNetModel

from labelmint.core.errors import ModelError
from labelmint.encoder.classifier import export, load_encoder
from tests.encoder.helpers import LABELS

TEXTS = ["film", "film story awful !", "story " * 20 + "great", "awful", "night road bright lovely and dull"]


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
