"""A project with a trained student: the tiny encoder of tests/encoder with a random head."""

import pytest
import torch

from labelmint.core import paths
from labelmint.core.records import write_json
from labelmint.students.encoder_classifier import EncoderClassifier
from labelmint.students.saving import whole_folder
from tests.encoder.conftest import classifier, encoder_folder, tokenizer

__all__ = ["classifier", "encoder_folder", "tokenizer"]

NAMES = ["negative", "positive"]


@pytest.fixture
def save_arm(project, classifier, tokenizer):
    """Return save_arm(arm): save a student as that arm's, and name it the headline's."""

    def save(arm="mixed"):
        model = classifier(len(NAMES))
        with torch.random.fork_rng():
            torch.manual_seed(1)
            model.set_head(torch.randn(len(NAMES), model.width) * 5, torch.randn(len(NAMES)))
        if not (scores := paths.METRICS / "evaluate.json").exists():
            write_json(scores, {"main_arm": arm})
        folder = paths.model(arm)
        with whole_folder(folder) as temporary:
            EncoderClassifier(model, tokenizer, NAMES, 32).save(temporary, "linear_head")
        return folder

    return save
