"""The text encoder: tokenized rows, sentence vectors, and logistic regression on them."""
