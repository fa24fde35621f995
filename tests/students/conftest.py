"""A setting of a student, and students on the tiny encoder or with a language model."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from labelmint.core.params import load_params
from labelmint.students import llm
from labelmint.students.base import Setting
from labelmint.students.registry import open_student
from tests.builders import REPOSITORY, card
from tests.encoder.helpers import LABELS, config


@pytest.fixture
def setting():
    """Return setting(labels, train, ...): the shipped params.yaml and a card of so many labels."""

    def make(labels=2, train=None, **callbacks):
        params = load_params(REPOSITORY / "params.yaml")
        if train is not None:
            params = params.model_copy(update={"train": train})
        names = {name: {"name": name, "phrase": name} for name in LABELS[:labels]}
        return Setting(params, card(labels=names), **callbacks)

    return make


@pytest.fixture
def student(tiny_encoder, setting):
    """Return student(name, ...): one on the tiny encoder, not yet fitted; other arguments are of `train`."""

    def make(name="linear_head", labels=2, callbacks=None, **changes):
        return open_student(name, setting(labels, config(encoder="tiny", **changes), **(callbacks or {})))

    return make


@pytest.fixture
def asking(setting, monkeypatch):
    """Return asking(kind, model, ...): a student of this class with this language model."""

    def make(kind, model, **callbacks):
        monkeypatch.setattr(llm, "open_model", lambda _: nullcontext(model))
        return kind(setting(**callbacks))

    return make
