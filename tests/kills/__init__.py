"""Processes killed at random moments of their work, and what is left compared with what undisturbed ones leave."""
