"""What ten years of a city leave in the database, and what that costs."""
