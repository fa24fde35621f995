"""The table of Li et al. (2024): their tasks and others, prompt methods, numbers of rows, local models."""
