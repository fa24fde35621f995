"""A language model's cluster score of diversity, measured: `python -m experiments.cluster_agent`."""
