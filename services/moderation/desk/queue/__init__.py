"""The queue: what waits, who looks at what, what has moved."""
