"""What methods of papers add to the plain way: `python -m experiments.methods`."""
