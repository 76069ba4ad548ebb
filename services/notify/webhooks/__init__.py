"""Webhooks: events of the system for other systems, signed, once each, and again until heard."""
