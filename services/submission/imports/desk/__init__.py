"""The desk's pages on which old pages are imported, which submission lends it."""
