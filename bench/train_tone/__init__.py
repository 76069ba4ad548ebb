"""Train the tone model that is shipped: `python -m bench train_tone DATA [--write]`."""
