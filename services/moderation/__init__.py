"""Moderation weighs ideas: machines sort, people decide."""
