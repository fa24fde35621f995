"""The tiny encoder of tests/encoder, for the study too."""

from tests.encoder.conftest import encoder_folder

__all__ = ["encoder_folder"]
