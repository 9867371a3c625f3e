"""One module per command: `parse(cursor)` gives a dataclass that lowers itself. The file name is the registration."""
