"""Forms of other tools: their sources, what they deliver, and how that becomes an idea."""
