"""Rules over content, one a module: its file name is the name of the rule."""
