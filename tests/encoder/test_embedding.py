import numpy as np
import pytest
import torch

from labelmint.encoder.embedding import embed
from tests.encoder.helpers import review_rows


@pytest.mark.parametrize("batch_rows", [1, 3, 64])
def test_features_are_in_the_order_of_the_rows(classifier, tokenizer, collator, batch_rows):
    model, rows = classifier().train(), review_rows(tokenizer, 7)
    rows = type(rows)([row[: 3 + at % 5] for at, row in enumerate(rows.tokens)], rows.labels)
    found = embed(model, rows, collator, batch_rows)
    assert found.shape == (14, model.width)
    assert not model.training  # no dropout
    with torch.no_grad():
        for tokens, own in zip(rows.tokens, found, strict=True):
            alone = model.features(torch.tensor([tokens]), torch.ones(1, len(tokens), dtype=torch.int64))
            np.testing.assert_allclose(alone[0], own, atol=1e-5)
