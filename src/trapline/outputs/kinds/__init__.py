"""The kinds of outputs: a module's file name is the `kind` in the settings."""
