"""Stage 2: have the local language model write candidates."""
