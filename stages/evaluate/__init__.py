"""Stage 5: score every arm on the test labels, and say what the synthetic data is worth."""
