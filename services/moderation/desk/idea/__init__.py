"""The page of one idea, and what stands on it."""
