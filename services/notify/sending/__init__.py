"""From a letter that is due to a mail that left, came back, or did not leave."""
