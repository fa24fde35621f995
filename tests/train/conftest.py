"""The tiny encoder of tests/encoder, for the tests of training too."""

from tests.encoder.conftest import classifier, collator, encoder_folder, tiny_encoder, tokenizer

__all__ = ["classifier", "collator", "encoder_folder", "tiny_encoder", "tokenizer"]
