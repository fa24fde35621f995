"""An encoder small enough to train in a second: random weights, and a vocabulary of the fakes' reviews.

Fixtures for all tests. They import PyTorch and transformers themselves, as most tests need neither.
"""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from experiments.reliability.project import save_encoder
from tests.builders import NEUTRAL, OPINIONS


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory):
    """Return the folder of the encoder, which may be a catalogue entry's `path`."""
    from transformers.utils import logging

    folder = tmp_path_factory.mktemp("encoder")
    logging.disable_progress_bar()
    save_encoder(folder, [*NEUTRAL, *(word for own in OPINIONS.values() for word in own), "and", "!"])
    return folder


@pytest.fixture(scope="session")
def tokenizer(encoder_folder):
    from labelmint.encoder.classifier import load_tokenizer

    return load_tokenizer(encoder_folder)


@pytest.fixture
def classifier(encoder_folder):
    """Return classifier(labels): the encoder with a head of zeros."""
    import torch

    from labelmint.encoder.classifier import Classifier, load_encoder

    def make(labels=2):
        model = Classifier(load_encoder(encoder_folder), labels).eval()
        model.set_head(torch.zeros(labels, model.width), torch.zeros(labels))
        return model

    return make


@pytest.fixture
def trained(classifier):
    """Return trained(labels, seed): a classifier with a random head as steep as logistic regression's."""

    def make(labels, seed=0):
        draw = np.random.default_rng(seed)
        model = classifier(labels)
        model.set_head(draw.normal(0, 8, (labels, model.width)), draw.normal(0, 1, labels))
        return model

    return make


@pytest.fixture
def tiny_encoder(project, encoder_folder, set_params, monkeypatch):
    """Make it the project's encoder, which the catalogue knows by its folder, with a quick linear head."""
    from tests.encoder.helpers import config

    monkeypatch.setattr("labelmint.encoder.linear._REGULARISATION", [1.0])
    monkeypatch.setattr("labelmint.encoder.linear._FOLDS", 2)
    monkeypatch.setattr("labelmint.students.schedule.MIN_STEPS", 0)
    catalogue = project / "data/models.yaml"
    entry = {"tiny": {"kind": "encoder", "path": str(encoder_folder), "licence": "none"}}
    catalogue.write_text(catalogue.read_text(encoding="utf-8") + yaml.safe_dump(entry), encoding="utf-8")
    settings = {**config(student="linear_head").model_dump(), "encoder": "tiny"}
    set_params({f"train.{key}": value for key, value in settings.items()})
