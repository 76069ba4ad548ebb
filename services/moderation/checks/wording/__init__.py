"""What words of a text are meant to be: disguises, forms, lists of words, sequences of them."""
