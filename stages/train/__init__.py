"""Stage 4: train an arm's classifiers and predict the test inputs."""
