"""Study, ablation and benchmark: the pipeline's own functions with other settings."""
