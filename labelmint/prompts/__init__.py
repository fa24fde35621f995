"""What the language model is asked: prompt methods, ideas, rendering."""
