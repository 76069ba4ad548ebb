"""Pages about people: signing in, one's own account, staff."""
