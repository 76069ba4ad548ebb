"""The three rooms: submission takes ideas in, moderation weighs them, notify tells people."""
