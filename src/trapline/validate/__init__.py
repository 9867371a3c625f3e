"""Checks of detection content: one module per rule in `rules/`, and the formats that they are reported in."""
