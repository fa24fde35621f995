"""An encoder small enough to train in a second: random weights, and a vocabulary of the fakes' reviews."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import yaml
from transformers import DataCollatorWithPadding
from transformers.utils import logging as transformers_logging

from experiments.reliability.project import save_encoder
from labelmint.encoder import linear
from labelmint.encoder.classifier import Classifier, load_encoder, load_tokenizer
from labelmint.students import schedule
from tests.builders import NEUTRAL, OPINIONS
from tests.encoder.helpers import config


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory):
    """Return the folder of the encoder, which may be a catalogue entry's `path`."""
    folder = tmp_path_factory.mktemp("encoder")
    transformers_logging.disable_progress_bar()
    save_encoder(folder, [*NEUTRAL, *(word for own in OPINIONS.values() for word in own), "and", "!"])
    return folder


@pytest.fixture(scope="session")
def tokenizer(encoder_folder):
    return load_tokenizer(encoder_folder)


@pytest.fixture
def collator(tokenizer):
    return DataCollatorWithPadding(tokenizer)


@pytest.fixture
def classifier(encoder_folder):
    """Return classifier(labels): the encoder with a head of zeros."""

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
    monkeypatch.setattr(linear, "_REGULARISATION", [1.0])
    monkeypatch.setattr(linear, "_FOLDS", 2)
    monkeypatch.setattr(schedule, "MIN_STEPS", 0)
    catalogue = project / "data/models.yaml"
    entry = {"tiny": {"kind": "encoder", "path": str(encoder_folder), "licence": "none"}}
    catalogue.write_text(catalogue.read_text(encoding="utf-8") + yaml.safe_dump(entry), encoding="utf-8")
    settings = {**config(student="linear_head").model_dump(), "encoder": "tiny"}
    set_params({f"train.{key}": value for key, value in settings.items()})
