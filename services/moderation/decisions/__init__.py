"""What people do about ideas: states, decisions, undoing, and what these need."""
