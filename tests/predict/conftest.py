"""A project with a trained classifier: the tiny encoder of tests/encoder with a random head."""

import pytest
import torch

from labelmint.core import paths
from labelmint.encoder.classifier import export
from labelmint.students.save import save_model
from tests.encoder.conftest import classifier, encoder_folder, tokenizer

__all__ = ["classifier", "encoder_folder", "tokenizer"]

NAMES = ["negative", "positive"]


@pytest.fixture
def save_arm(project, classifier, tokenizer):
    """Return save_arm(arm, names): save a classifier as that arm's."""

    def save(arm="mixed", names=NAMES):
        model = classifier(len(names))
        with torch.random.fork_rng():
            torch.manual_seed(1)
            model.set_head(torch.randn(len(names), model.width) * 5, torch.randn(len(names)))
        save_model(export(model, names), tokenizer, paths.model(arm), 32)
        return paths.model(arm)

    return save
