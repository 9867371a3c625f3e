"""`python -m trapline`."""

from trapline.cli import main

main()
