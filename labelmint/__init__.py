"""Turn a handful of labelled texts and a local language model into training data and a text classifier."""
