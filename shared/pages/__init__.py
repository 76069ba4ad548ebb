"""What pages need on their way to a browser: files kept for ever, and smaller bodies."""
