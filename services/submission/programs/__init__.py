"""What programs send here and read here, and the tokens that they show."""
