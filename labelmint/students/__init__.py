"""The classifiers that are trained and compared."""
