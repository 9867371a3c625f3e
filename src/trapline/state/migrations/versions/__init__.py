"""Steps from one form of the state database to the next."""
