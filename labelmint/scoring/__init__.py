"""Scores with intervals, gains, label equivalence."""
