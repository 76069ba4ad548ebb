"""The desk: every page of moderation, and the only place here that knows Flask."""
