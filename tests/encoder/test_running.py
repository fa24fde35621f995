import os

import numpy as np
import pytest
import torch

from labelmint.core.records import Input
from labelmint.encoder.running import find_device, uses_bf16
from labelmint.students.encoder_classifier import EncoderClassifier

LABELS = ["angry", "happy", "sad"]


@pytest.mark.parametrize(
    ("precision", "amx", "avx512", "expected"),
    [
        ("fp32", True, True, False),
        ("bf16", False, False, True),
        ("auto", False, False, False),
        ("auto", True, False, True),
        ("auto", False, True, True),
    ],
)
def test_bf16_is_used_as_told_or_where_the_cpu_has_it(monkeypatch, precision, amx, avx512, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    assert uses_bf16(precision) is expected


@pytest.mark.parametrize("has_instructions", [True, False])
def test_a_gpu_without_bf16_instructions_computes_in_full_precision(monkeypatch, has_instructions):
    """PyTorch emulates them there, slowly."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    supported = lambda including_emulation=True: including_emulation or has_instructions  # noqa: E731
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert uses_bf16("auto") is has_instructions


def test_a_gpu_is_told_to_repeat_its_sums_before_its_first_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    assert find_device() == torch.device("cuda")
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-6), ("bf16", 0.02)])
def test_a_saved_classifier_computes_as_its_training_did(trained, tokenizer, tmp_path, precision, tolerance):
    inputs = [Input(id="", text=text) for text in ("a film", "a wonderful story of two", "dull", "so sad")]
    expected = EncoderClassifier(trained(3), tokenizer, LABELS, 16).predict_proba(inputs)
    EncoderClassifier(trained(3), tokenizer, LABELS, 16, precision=precision).save(tmp_path, "fine_tune")
    saved = EncoderClassifier.load(tmp_path)
    assert saved.precision == precision
    found = saved.predict_proba(inputs)
    np.testing.assert_allclose(found, expected, atol=tolerance)
    assert (np.abs(found - expected).max() > 1e-5) == (precision == "bf16")


def test_the_head_computes_in_full_precision(trained, tokenizer):
    """In bfloat16 it would give many texts the same score."""
    model = trained(3).eval()
    ids = torch.tensor([tokenizer("a wonderful story")["input_ids"]])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        features, logits = (call(ids, torch.ones_like(ids)) for call in (model.features, model))
    assert logits["logits"].dtype == torch.float32
    with torch.no_grad():
        np.testing.assert_array_equal(logits["logits"], model.head(features))
