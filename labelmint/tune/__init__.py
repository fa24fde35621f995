"""`labelmint tune`: try prompt settings in small batches, and say which are worth a run."""
