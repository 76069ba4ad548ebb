"""Who may do what in the database, and what every session of it must have."""
