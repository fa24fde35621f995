"""Stage 7: one page that says what came of a run, and lets a reader look at every row."""
