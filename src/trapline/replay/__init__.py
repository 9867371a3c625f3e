"""Recorded events sent again: into a store of ours or to any HTTP Event Collector."""
