"""A system in one file, and a system made of such a file."""
