"""The synthetic rows and a classifier as folders to pass on: `labelmint export`."""
