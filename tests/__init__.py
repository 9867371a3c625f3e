"""The tests of Trapline. `make quick` runs the fast ones, `make test` all."""
