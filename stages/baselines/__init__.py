"""Label the test inputs without any synthetic row: what the trained classifiers have to be better than."""
