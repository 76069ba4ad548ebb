"""How fast the public web takes ideas in, and what slow visitors can do to it."""
