"""The rules: each module is one, named as its file with hyphens.

A rule has `CODE`, `SEVERITY` and `check(subject)`, which yields reports at places of the search after macro expansion.
Its docstring says in the first line what it finds, then why that matters and what to write instead.
"""
