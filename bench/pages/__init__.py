"""What a public page costs, kept and made anew."""
