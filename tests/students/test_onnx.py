"""Classifiers as ONNX models agree with the saved student; tests/export runs one without PyTorch."""

import json

import numpy as np
import pytest
import torch

from labelmint.core.errors import ModelError
from labelmint.core.records import Input
from labelmint.encoder.loading import LoadedEncoder
from labelmint.students import onnx
from labelmint.students.encoder_classifier import EncoderClassifier
from labelmint.students.loading import load_student
from labelmint.students.onnx_classifier import MODEL, MODEL_INT8, OnnxClassifier
from tests.builders import reviews
from tests.encoder.helpers import LABELS, config

TEXTS = [row["text"] for row in reviews(dict.fromkeys(LABELS, 10), words=4)]
TEXTS += ["film " * 40 + "awful", "film [SEP] [MASK] awful [PAD] story", "café \ud83c"]
INPUTS = [Input(id="", text=text) for text in TEXTS]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a dictionary for what a test may reuse: an export takes seconds."""
    return {}


@pytest.fixture
def exported(trained, tokenizer, collator, tmp_path_factory, made):
    """Return exported(pooling, prefix): the folder of a saved student, with its ONNX models in onnx/."""

    def make(pooling="mean", prefix=""):
        if (pooling, prefix) not in made:
            model = trained(3)
            model.pooling = pooling
            # A random encoder gives similar vectors: their mean's label would be every text's.
            encoder = LoadedEncoder(tokenizer, collator, torch.device("cpu"), model)
            vectors = encoder.embed(config(max_tokens=16), INPUTS)
            weight = model.head.weight.detach().numpy()
            model.set_head(weight, -weight @ vectors.mean(axis=0))
            folder = tmp_path_factory.mktemp("onnx") / "arm"
            folder.mkdir()
            EncoderClassifier(model, tokenizer, LABELS, 16, prefix).save(folder, "linear_head")
            onnx.export_onnx(folder, folder / "onnx", int8=True)
            made[pooling, prefix] = folder
        return made[pooling, prefix]

    return make


@pytest.mark.slow
@pytest.mark.parametrize(("pooling", "prefix"), [("mean", ""), ("last", "story ")])
def test_the_onnx_model_gives_the_same_probabilities(exported, capfd, pooling, prefix):
    folder = exported(pooling, prefix)
    assert capfd.readouterr() == ("", "")
    expected = load_student(folder).predict_proba(INPUTS)
    one = OnnxClassifier(folder / "onnx")
    assert one.label_names == LABELS
    assert len(set(expected.argmax(axis=1))) > 1
    np.testing.assert_allclose(one.predict_proba(INPUTS), expected, atol=1e-4)
    pairs = [Input(id="", text=text, text_pair="awful story") for text in TEXTS]
    expected = load_student(folder).predict_proba(pairs)
    np.testing.assert_allclose(one.predict_proba(pairs), expected, atol=1e-4)
    assert one.predict_proba([]).shape == (0, 3)


@pytest.mark.slow
def test_the_8_bit_model_is_smaller_and_nearly_the_same(exported):
    folder = exported()
    expected = load_student(folder).predict_proba(INPUTS)
    found = OnnxClassifier(folder / "onnx", MODEL_INT8).predict_proba(INPUTS)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.8
    assert np.abs(found - expected).mean() < 0.05
    assert (folder / "onnx" / MODEL_INT8).stat().st_size < (folder / "onnx" / MODEL).stat().st_size


def test_a_student_without_an_encoder_is_an_error(tmp_path):
    (tmp_path / "student.json").write_text(
        json.dumps({"student": "majority", "label_names": LABELS, "class_balance": [1, 0, 0]}),
        encoding="utf-8",
    )
    with pytest.raises(ModelError, match="has no encoder"):
        onnx.export_onnx(tmp_path, tmp_path / "onnx", int8=False)


def test_a_missing_package_is_an_error_that_tells_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx, "find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(ModelError, match=r"no onnxscript here; .*labelmint\[onnx\]"):
        onnx.export_onnx(tmp_path, tmp_path / "onnx", int8=False)
