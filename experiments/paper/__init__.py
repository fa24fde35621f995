"""The table of Li et al. (2024): their six tasks, prompt methods and numbers of rows, with local models."""
