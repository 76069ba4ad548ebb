"""Letters to writers and to staff: which are owed, and the facts in them."""
