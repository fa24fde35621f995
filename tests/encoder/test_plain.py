import numpy as np
import pytest
import torch

from labelmint.encoder.plain import from_plain, to_plain
from tests.encoder.helpers import LABELS
from tests.encoder.test_classifier import TEXTS, batch_of


@torch.no_grad()
@pytest.mark.parametrize("labels", [2, 3])
@pytest.mark.parametrize("seed", range(2))
def test_the_exported_model_gives_the_same_answers(trained, tokenizer, labels, seed):
    model, batch = trained(labels, seed), batch_of(tokenizer)
    ours = model(**batch)["logits"]
    theirs = to_plain(model, LABELS[:labels])(**batch).logits
    assert ours.std() > 0.5  # or agreement would say nothing
    np.testing.assert_allclose(theirs, ours, atol=1e-2)
    assert theirs.argmax(dim=1).tolist() == ours.argmax(dim=1).tolist()


@torch.no_grad()
def test_the_exported_model_does_not_see_the_padding(trained, tokenizer):
    model = to_plain(trained(3), LABELS)
    together = model(**batch_of(tokenizer)).logits
    for text, own in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(model(**batch_of(tokenizer, [text])).logits[0], own, atol=2e-3)


def test_making_it_plain_leaves_the_classifier_as_it_is(trained):
    model = trained(3)
    before = {name: part.clone() for name, part in model.state_dict().items()}
    layers = model.encoder.config.num_hidden_layers
    plain = to_plain(model, LABELS)
    assert model.encoder.config.num_hidden_layers == layers == plain.config.num_hidden_layers - 1
    assert all(torch.equal(part, before[name]) for name, part in model.state_dict().items())
    assert not plain.training


@torch.no_grad()
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_both_poolings_are_plain_and_come_back(trained, tokenizer, pooling):
    model, batch = trained(3), batch_of(tokenizer)
    model.pooling = pooling
    ours = model(**batch)["logits"]
    plain = to_plain(model, LABELS)
    np.testing.assert_allclose(plain(**batch).logits, ours, atol=1e-2)
    again = from_plain(plain, pooling)
    np.testing.assert_allclose(again(**batch)["logits"], ours, atol=1e-4)
    assert len(again.encoder.encoder.layer) == len(model.encoder.encoder.layer)
