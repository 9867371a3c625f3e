"""Detection content as a static web site."""
