"""The desk's pages on which staff enter slips, which submission lends it."""
