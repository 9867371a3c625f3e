"""Doubts about a search, told without running it: `check.check` for one search, one rule a module in `rules/`."""
