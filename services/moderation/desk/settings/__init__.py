"""Pages on which administrators change how the system works, and the log of that."""
