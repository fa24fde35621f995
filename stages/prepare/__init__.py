"""Stage 1: split the real rows."""
