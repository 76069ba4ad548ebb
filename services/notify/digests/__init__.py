"""Digests: who gets them when, what is new to whom, and what they say."""
