"""The study: prompt methods × training sets × tasks, as in Li et al. (2024), with the pipeline's models."""
