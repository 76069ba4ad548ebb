"""The spam check that learns: features, the model, its training and its figures."""
