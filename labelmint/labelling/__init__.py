"""Score the labels of texts with the language model and a classifier."""
