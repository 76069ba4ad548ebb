"""Notify: letters to writers about decisions, and digests to staff about what waits."""
