import json

import numpy as np
import pytest
from safetensors.torch import save_file
from transformers import MPNetConfig, MPNetModel, pipeline

from labelmint.core.errors import ModelError
from labelmint.core.records import Input
from labelmint.encoder.classifier import Classifier, load_encoder
from labelmint.students.encoder_classifier import HEAD, EncoderClassifier
from labelmint.students.loading import load_student
from labelmint.students.saving import STUDENT
from tests.builders import reviews
from tests.encoder.helpers import LABELS

TEXTS = [row["text"] for row in reviews(dict.fromkeys(LABELS, 10), words=4)]
INPUTS = [Input(id="", text=text) for text in TEXTS]


@pytest.fixture
def make(trained, tokenizer, tmp_path):
    """Return make(kind, pooling, prefix): a classifier of three labels that cuts texts at 16 tokens."""

    def classifier(kind="bert", pooling="mean", prefix=""):
        model = trained(3)
        if kind == "mpnet":
            sizes = {"hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64}
            config = MPNetConfig(vocab_size=len(tokenizer), num_hidden_layers=1, **sizes)
            MPNetModel(config).save_pretrained(tmp_path / "encoder")
            weight, bias = (part.detach() for part in model.head.parameters())
            model = Classifier(load_encoder(tmp_path / "encoder"), 3)
            model.set_head(weight, bias)
        model.pooling = pooling
        return EncoderClassifier(model, tokenizer, LABELS, 16, prefix)

    return classifier


@pytest.fixture
def save(tmp_path):
    """Return save(classifier): the folder that it is saved in."""

    def to_folder(one):
        path = tmp_path / "arm"
        path.mkdir()
        one.save(path, "linear_head")
        return path

    return to_folder


@pytest.fixture
def student(make):
    return make()


@pytest.fixture
def folder(student, save):
    return save(student)


def test_a_saved_folder_is_a_pipeline_with_named_labels(student, folder):
    classify = pipeline("text-classification", model=str(folder), top_k=None)
    for values, answer in zip(student.predict_proba(INPUTS), classify(TEXTS, batch_size=4), strict=True):
        assert {entry["label"]: pytest.approx(entry["score"], abs=1e-3) for entry in answer} == dict(
            zip(LABELS, values, strict=True)
        )


def test_a_saved_folder_cuts_texts_where_training_did(folder):
    classify = pipeline("text-classification", model=str(folder))
    long, cut = "film " * 300 + "awful", "film " * 14
    (one,), (other,) = classify([long], truncation=True), classify([cut])
    assert one == {"label": other["label"], "score": pytest.approx(other["score"], abs=1e-6)}
    assert load_student(folder).max_tokens == 16


@pytest.mark.parametrize(
    ("kind", "pooling", "prefix"),
    [("bert", "mean", ""), ("bert", "cls", "story "), ("bert", "last", ""), ("mpnet", "mean", "story ")],
)
def test_a_saved_classifier_of_any_encoder_predicts_the_same(make, save, kind, pooling, prefix):
    one = make(kind, pooling, prefix)
    expected = one.predict_proba(INPUTS)
    folder = save(one)
    assert (folder / HEAD).exists() == (kind == "mpnet" or pooling == "last")
    loaded = load_student(folder)
    assert (loaded.label_names, loaded.max_tokens, loaded.prefix) == (LABELS, 16, prefix)
    np.testing.assert_allclose(loaded.predict_proba(INPUTS), expected, atol=1e-4)
    np.testing.assert_allclose(one.predict_proba(INPUTS), expected, atol=1e-6)


def test_the_prefix_goes_before_each_text(make):
    said = [Input(id="", text=f"story {text}") for text in TEXTS]
    expected = make().predict_proba(said)
    np.testing.assert_allclose(make(prefix="story ").predict_proba(INPUTS), expected, atol=1e-6)


@pytest.mark.parametrize("damage", ["no prefix", "no file", "another file", "another width"])
def test_a_damaged_folder_is_an_error_of_one_line(make, save, damage):
    one = make("mpnet")
    folder = save(one)
    content = json.loads((folder / STUDENT).read_text(encoding="utf-8"))
    if damage == "no prefix":
        del content["prefix"]
        (folder / STUDENT).write_text(json.dumps(content), encoding="utf-8")
    if damage == "no file":
        (folder / "model.safetensors").unlink()
    if damage == "another file":
        (folder / HEAD).write_bytes(b"nothing")
    if damage == "another width":
        save_file(
            {key: part[..., :2].contiguous() for key, part in one.model.head.state_dict().items()},
            folder / HEAD,
        )
    with pytest.raises(ModelError, match=r"damaged|can't be opened") as caught:
        load_student(folder)
    assert "\n" not in str(caught.value)
