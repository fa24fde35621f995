"""The benchmark: our writing, scoring and training against the plain ways, and the memory of the stages."""
