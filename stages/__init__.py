"""The stages of dvc.yaml, one script each: read declared inputs, call the library, write declared outputs."""
