from itertools import pairwise

import numpy as np
import pytest
import torch
import yaml

from labelmint.core.records import Input
from labelmint.encoder.loading import open_encoder, uses_bf16
from tests.encoder.helpers import config

ROW = Input(id="", text="film")


@pytest.fixture
def entry(project, encoder_folder):
    """Return entry(...): open the tiny encoder by a catalogue entry with these keys."""

    def make(**keys):
        content = {"tiny": {"kind": "encoder", "path": str(encoder_folder), **keys}}
        (project / "data/models.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        return open_encoder("tiny")

    return make


def test_the_catalogue_says_how_an_encoder_pools(entry):
    vectors = [entry(pooling=pooling).embed(config(), [ROW])[0] for pooling in ("mean", "cls", "last")]
    np.testing.assert_allclose([np.linalg.norm(vector) for vector in vectors], 1, atol=1e-5)
    assert min(np.abs(one - other).max() for one, other in pairwise(vectors)) > 1e-3


def test_the_catalogues_prefix_goes_before_each_text(entry):
    plain, prefixed = entry(), entry(prefix="story ")
    pair = Input(id="", text="film", text_pair="cast")
    said = [{**ROW, "text": "story film"}, {**pair, "text": "story film"}]
    for row, wanted in zip([ROW, pair], said, strict=True):
        np.testing.assert_array_equal(prefixed.embed(config(), [row]), plain.embed(config(), [wanted]))


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
    assert uses_bf16(config(precision=precision)) is expected
