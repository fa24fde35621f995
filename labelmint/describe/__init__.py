"""Compare synthetic texts with real ones."""
