"""How ideas are stored when several come at one time."""
