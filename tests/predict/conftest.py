"""A project with a trained student: the tiny encoder of tests/encoder with a random head."""

import shutil

import pytest
import torch

from labelmint.core import paths
from labelmint.core.records import write_json
from labelmint.encoder.classifier import Classifier, load_encoder
from labelmint.students.encoder_classifier import EncoderClassifier

NAMES = ["negative", "positive"]


@pytest.fixture(scope="session")
def student_folder(encoder_folder, tokenizer, tmp_path_factory):
    model = Classifier(load_encoder(encoder_folder), len(NAMES)).eval()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model.set_head(torch.randn(len(NAMES), model.width) * 5, torch.randn(len(NAMES)))
    folder = tmp_path_factory.mktemp("student")
    EncoderClassifier(model, tokenizer, NAMES, 32).save(folder, "linear_head")
    return folder


@pytest.fixture
def save_arm(project, student_folder):
    """Return save_arm(arm): save the student as that arm's, and name it the headline's."""

    def save(arm="mixed"):
        if not (scores := paths.METRICS / "evaluate.json").exists():
            write_json(scores, {"main_arm": arm})
        return shutil.copytree(student_folder, paths.model(arm))

    return save


@pytest.fixture
def mixed(save_arm):
    """Save the student of the headline's arm; return its folder."""
    return save_arm()
