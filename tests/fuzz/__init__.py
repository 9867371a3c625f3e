"""Fuzzers. They run for seconds in the test suite, always on the same inputs, and as long as wanted by
`python -m tests.fuzz --seconds 600`. What ever broke something is kept in `crashers/` and replayed first."""
