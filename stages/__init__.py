"""Labelmint: how many real labels is a local LLM's synthetic data worth?

One folder per stage (prepare, generate, filter, train, evaluate); what they share lies beside them.
"""
