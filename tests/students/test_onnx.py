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


@pytest.mark.slow
def test_both_models_give_about_the_same_probabilities_also_of_pairs(trained, tokenizer, tmp_path, capfd):
    model = trained(3)
    # A random encoder gives similar vectors: their mean's label would be every text's.
    vectors = LoadedEncoder(tokenizer, torch.device("cpu"), model).embed(config(), INPUTS)
    weight = model.head.weight.detach().numpy()
    model.set_head(weight, -weight @ vectors.mean(axis=0))
    EncoderClassifier(model, tokenizer, LABELS, 16).save(tmp_path, "linear_head")
    onnx.export_onnx(tmp_path, tmp_path / "onnx", int8=True)
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "onnx" / MODEL_INT8).stat().st_size < (tmp_path / "onnx" / MODEL).stat().st_size
    student = load_student(tmp_path)
    whole, small = (OnnxClassifier(tmp_path / "onnx", name) for name in (MODEL, MODEL_INT8))
    assert whole.label_names == LABELS
    for rows in (INPUTS, [{**row, "text_pair": "awful story"} for row in INPUTS]):
        expected = student.predict_proba(rows)
        assert len(set(expected.argmax(axis=1))) > 1
        np.testing.assert_allclose(whole.predict_proba(rows), expected, atol=1e-4)
        assert np.abs(small.predict_proba(rows) - expected).mean() < 0.05
    assert whole.predict_proba([]).shape == (0, 3)


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
