"""Have the language model write candidates, in waves."""
