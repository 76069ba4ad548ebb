"""The desk's pages about form sources, which submission lends it."""
