"""Finding any idea, in any state."""
