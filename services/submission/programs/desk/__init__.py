"""The desk's pages about tokens of the API, which submission lends it."""
