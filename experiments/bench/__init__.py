"""What the batching, the shared prefixes and the training recipe are worth, against the plain way."""
