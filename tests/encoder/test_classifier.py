import math

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModel

from labelmint.core.errors import ModelError
from labelmint.encoder.classifier import Classifier, load_encoder

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
    **dict.fromkeys(("bert", "mpnet", "xlm-roberta", "deberta-v2"), BERT_LIKE),
    "modernbert": {**BERT_LIKE, "pad_token_id": 0, "global_attn_every_n_layers": 1},
    "distilbert": {"vocab_size": 50, "dim": 8, "n_heads": 2, "n_layers": 1, "hidden_dim": 8},
    "qwen3": {**BERT_LIKE, "num_key_value_heads": 2, "head_dim": 4, "pad_token_id": 0, "bos_token_id": 1},
}
NO_ENCODERS = {
    "t5": {"vocab_size": 20, "d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2},
    "vit": {**BERT_LIKE, "num_hidden_layers": 1},
}


def save_untrained(folder, kind, settings):
    AutoModel.from_config(AutoConfig.for_model(kind, **settings)).save_pretrained(folder)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_encoders_of_any_architecture_do_not_see_the_padding(tmp_path, kind):
    save_untrained(tmp_path, kind, KINDS[kind])
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


@pytest.mark.parametrize("kind", NO_ENCODERS)
def test_a_model_that_encodes_no_text_is_an_error(tmp_path, kind):
    save_untrained(tmp_path, kind, NO_ENCODERS[kind])
    with pytest.raises(ModelError, match=rf"type {kind} gives no vector .* train\.encoder$"):
        load_encoder(tmp_path)


def test_the_encoder_is_loaded_in_float32_and_without_a_pooler(encoder_folder):
    encoder = load_encoder(encoder_folder)
    assert {part.dtype for part in encoder.parameters()} == {torch.float32}
    assert encoder.pooler is None
    assert math.isclose(encoder.config.layer_norm_eps, 1e-12)
