"""Label texts with a trained classifier: `python -m predict`."""
