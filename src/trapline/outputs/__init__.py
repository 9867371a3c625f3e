"""Outputs: where notables go. One module of `outputs/kinds` per kind; `settings` reads which ones the user wants."""
