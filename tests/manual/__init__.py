"""The generator of the manual: docs/commands and docs/functions, from docstrings, function tables and case files.

`python -m tests.manual` (or `make docs`) writes the pages. Nothing in them is written by hand: the syntax and options
of a command are in the docstring of its module, those of a function at its entry, the rules and examples in the case
files, and what differs from Splunk in the docstrings and in docs/spl-differences.md.
"""
