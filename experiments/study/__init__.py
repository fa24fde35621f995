"""The study: methods × training sets × tasks × seeds, as in Li et al. (2024), on this machine's models."""
