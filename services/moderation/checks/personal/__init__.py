"""Checks for what leads to a person: names, numbers, addresses, children, health and faith."""
