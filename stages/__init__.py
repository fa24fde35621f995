"""Labelmint measures how many real labels a local LLM's synthetic data is worth.

One folder per stage (prepare, generate, filter, train, evaluate); what they share lies beside them.
"""
