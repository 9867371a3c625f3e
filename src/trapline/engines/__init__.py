"""Engines run plans. One package each; what they share (`pcre`, `scalar`) sits here."""
