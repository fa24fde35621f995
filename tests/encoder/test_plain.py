import numpy as np
import pytest
import torch

from labelmint.encoder.plain import from_plain, to_plain
from tests.encoder.helpers import LABELS
from tests.encoder.test_classifier import batch_of


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
