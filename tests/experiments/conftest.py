"""The tiny encoder of tests/encoder, for the experiments too."""

from tests.encoder.conftest import encoder_folder, tiny_encoder

__all__ = ["encoder_folder", "tiny_encoder"]
