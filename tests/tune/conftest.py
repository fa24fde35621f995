"""The tiny encoder, for all tests of tuning."""

from tests.encoder.conftest import encoder_folder, tiny_encoder

__all__ = ["encoder_folder", "tiny_encoder"]
