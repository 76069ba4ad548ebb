"""From an event to whoever must act on it: the outbox, the relay, the queues, the workers."""
