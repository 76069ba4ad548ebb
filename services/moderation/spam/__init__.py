"""How the spam model learns from decisions, and its versions."""
