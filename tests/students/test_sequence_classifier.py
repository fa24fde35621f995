import copy
import json

import numpy as np
import pytest
from transformers import (
    RobertaConfig,
    RobertaForSequenceClassification,
    XLNetConfig,
    XLNetForSequenceClassification,
)
from transformers.tokenization_utils_base import VERY_LARGE_INTEGER

from labelmint.core.errors import ModelError
from labelmint.core.records import Input
from labelmint.encoder.plain import to_plain
from labelmint.students.loading import load_student
from labelmint.students.sequence_classifier import SequenceClassifier
from tests.builders import reviews
from tests.encoder.helpers import LABELS

TEXTS = [row["text"] for row in reviews(dict.fromkeys(LABELS, 10), words=4)]
INPUTS = [Input(id="", text=text) for text in TEXTS]


@pytest.fixture
def student(trained, tokenizer):
    """Return a classifier of three labels that cuts texts at 16 tokens."""
    return SequenceClassifier(to_plain(trained(3), LABELS), tokenizer, 16)


@pytest.fixture
def folder(student, tmp_path):
    """Return a folder that it is saved in, as transformers does."""
    path = tmp_path / "arm"
    student.model.save_pretrained(path)
    student.tokenizer.model_max_length = 16
    student.tokenizer.save_pretrained(path)
    return path


def test_a_plain_transformers_folder_is_opened_as_a_student(student, folder):
    opened = load_student(folder)
    assert opened.label_names == LABELS
    np.testing.assert_allclose(opened.predict_proba(INPUTS), student.predict_proba(INPUTS), atol=1e-6)
    assert opened.predict_proba([]).shape == (0, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"problem_type": "multi_label_classification"}, "one label of several"),
        ({"id2label": {"0": "only"}, "label2id": {"only": 0}}, "."),
        (None, "can't be opened as a classifier"),
    ],
)
def test_a_folder_that_is_no_such_classifier_is_an_error(folder, change, message):
    file = folder / "config.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**content, **change}) if change else "{", encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        load_student(folder)


@pytest.mark.parametrize(("positions", "most"), [(22, 21), (None, 1_000_000)])
def test_without_a_length_in_the_tokenizer_the_models_positions_say_where_to_cut(
    tokenizer, tmp_path, positions, most
):
    sizes = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, "num_labels": 3}
    if positions:
        sizes |= {
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
        }
        model = RobertaForSequenceClassification(RobertaConfig(max_position_embeddings=positions, **sizes))
    else:
        model = XLNetForSequenceClassification(
            XLNetConfig(d_model=32, d_inner=64, n_layer=1, n_head=2, **sizes)
        )
    model.save_pretrained(tmp_path)
    untold = copy.copy(tokenizer)
    untold.model_max_length = VERY_LARGE_INTEGER
    untold.save_pretrained(tmp_path)
    opened = load_student(tmp_path)
    assert opened.max_tokens == most
    assert opened.predict_proba([Input(id="", text="film " * 50)]).shape == (1, 3)
