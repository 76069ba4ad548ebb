"""What operators see of the processes: counts, and which request a line of a log belongs to."""
