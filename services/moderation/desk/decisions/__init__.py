"""Pages on which something is decided: one idea, many, the city's official answer."""
