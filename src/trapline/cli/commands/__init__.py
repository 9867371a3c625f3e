"""One module per command. Keep imports light: anything heavy is imported inside the command function."""
