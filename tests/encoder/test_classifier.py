import math

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    DistilBertModel,
    ModernBertConfig,
    ModernBertModel,
    MPNetConfig,
    MPNetModel,
    Qwen3Config,
    Qwen3Model,
    T5Config,
    T5Model,
    ViTConfig,
    ViTModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from labelmint.core.errors import ModelError
from labelmint.encoder.classifier import Classifier, load_encoder, load_tokenizer

TEXTS = ["film", "film story awful !", "story " * 20 + "great", "awful", "night road bright lovely and dull"]


def batch_of(tokenizer, texts=TEXTS):
    encoded = tokenizer(texts, padding=True, return_tensors="pt")
    return {"input_ids": encoded["input_ids"], "attention_mask": encoded["attention_mask"]}


@torch.no_grad()
def test_the_loss_is_given_with_labels_only(trained, tokenizer):
    model, batch = trained(3), batch_of(tokenizer)
    assert set(model(**batch)) == {"logits"}
    output = model(**batch, labels=torch.tensor([0, 1, 2, 0, 1]))
    probabilities = torch.softmax(output["logits"], dim=1)
    own = probabilities[range(5), [0, 1, 2, 0, 1]]
    assert output["loss"].item() == pytest.approx(-own.log().mean().item(), rel=1e-5)


SMALL = {"vocab_size": 50, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
BERT_LIKE = {**SMALL, "intermediate_size": 8, "max_position_embeddings": 32}
KINDS = {
    "bert": lambda: BertModel(BertConfig(**BERT_LIKE)),
    "mpnet": lambda: MPNetModel(MPNetConfig(**BERT_LIKE)),
    "xlm_roberta": lambda: XLMRobertaModel(XLMRobertaConfig(**BERT_LIKE)),
    "deberta": lambda: DebertaV2Model(DebertaV2Config(**BERT_LIKE)),
    "modernbert": lambda: ModernBertModel(
        ModernBertConfig(**BERT_LIKE, pad_token_id=0, global_attn_every_n_layers=1)
    ),
    "distilbert": lambda: DistilBertModel(
        DistilBertConfig(vocab_size=50, dim=8, n_heads=2, n_layers=1, hidden_dim=8)
    ),
    "qwen": lambda: Qwen3Model(
        Qwen3Config(**BERT_LIKE, num_key_value_heads=2, head_dim=4, pad_token_id=0, bos_token_id=1)
    ),
}


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_encoders_of_any_architecture_do_not_see_the_padding(tmp_path, kind):
    KINDS[kind]().save_pretrained(tmp_path)
    model = Classifier(load_encoder(tmp_path), 2).eval()
    texts = [[5, 6, 7], [8, 9, 10, 11, 12, 13], [14]]
    width = max(map(len, texts))
    padded = torch.tensor([[*text, *[0] * (width - len(text))] for text in texts])
    mask = torch.tensor([[1] * len(text) + [0] * (width - len(text)) for text in texts])
    for pooling in ("mean", "cls", "last"):
        model.pooling = pooling
        together = model.features(padded, mask, torch.zeros_like(padded))
        np.testing.assert_allclose(together.norm(dim=1), 1, atol=1e-5)
        for text, own in zip(texts, together, strict=True):
            alone = {
                "input_ids": torch.tensor([text]),
                "attention_mask": torch.ones(1, len(text), dtype=torch.int64),
            }
            np.testing.assert_allclose(model.features(**alone)[0], own, atol=1e-5)
            hidden = model.encoder(**alone).last_hidden_state[0]
            wanted = {"mean": hidden.mean(dim=0), "cls": hidden[0], "last": hidden[-1]}[pooling]
            wanted = wanted - wanted.mean()
            np.testing.assert_allclose(wanted / wanted.norm(), own, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: T5Model(T5Config(vocab_size=20, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)),
            "t5",
        ),
        (lambda: ViTModel(ViTConfig(**{**BERT_LIKE, "vocab_size": 0, "num_hidden_layers": 1})), "vit"),
    ],
)
def test_a_model_that_encodes_no_text_is_an_error(tmp_path, make, message):
    make().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=rf"type {message} gives no vector .* train\.encoder$"):
        load_encoder(tmp_path)


@pytest.mark.parametrize("content", [None, "{", '{"model_type": "nonesuch"}', '{"model_type": "bert"}'])
def test_a_folder_that_is_no_encoder_is_an_error_of_one_line(tmp_path, content):
    if content:
        (tmp_path / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match="can't be opened") as caught:
        load_encoder(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_tokenizer_is_an_error_of_one_line(tmp_path):
    with pytest.raises(ModelError, match="its tokenizer can't be opened") as caught:
        load_tokenizer(tmp_path)
    assert "\n" not in str(caught.value)


@torch.no_grad()
def test_rows_count_in_the_loss_as_they_weigh(trained, tokenizer):
    model, batch = trained(2), batch_of(tokenizer)
    labels = torch.tensor([0, 1, 0, 1, 0])
    one = [
        model(**batch_of(tokenizer, [text]), labels=labels[at : at + 1])["loss"]
        for at, text in enumerate(TEXTS)
    ]
    weighted = model(**batch, labels=labels, weights=torch.tensor([1.0, 0, 3, 0, 0]))["loss"]
    assert weighted.item() == pytest.approx((one[0] + 3 * one[2]).item() / 5, rel=1e-4)


def test_the_encoder_is_loaded_in_float32_and_without_a_pooler(encoder_folder):
    encoder = load_encoder(encoder_folder)
    assert {part.dtype for part in encoder.parameters()} == {torch.float32}
    assert encoder.pooler is None
    assert math.isclose(encoder.config.layer_norm_eps, 1e-12)
