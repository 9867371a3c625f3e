"""Measured budgets: `python -m bench` (or `make bench`)."""
