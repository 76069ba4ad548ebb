"""What administrators set, each change versioned and in the log of changes."""
