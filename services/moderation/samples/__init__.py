"""Blind second looks at a share of what people decided."""
