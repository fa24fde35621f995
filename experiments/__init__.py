"""Measurements: the pipeline's own functions with other settings; docs/howto/experiments.md lists them."""
