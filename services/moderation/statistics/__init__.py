"""Numbers about the work at the desk, counted by the day so that no page has to count."""
