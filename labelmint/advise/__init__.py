"""Advice: a forecast before a run (`labelmint check`), and what to label next (`labelmint next`)."""
