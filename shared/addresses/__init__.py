"""Addresses of every kind, read in one place each: domains, mailboxes."""
