"""The rules of the filter."""
