"""Task cards, and the readers of the real rows they point at."""
