"""Stage 3: keep the candidates that are well-formed, new, not in the test set, and labelled right."""
