"""A mail server for trying things out: takes every letter, delivers none, shows them on a page."""
