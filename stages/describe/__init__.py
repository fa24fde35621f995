"""Is the synthetic data like the real data? Diversity, distributions and fidelity at equal lengths."""
