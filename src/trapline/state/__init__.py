"""The state database: what changes in place, beside the events that are only ever added."""
