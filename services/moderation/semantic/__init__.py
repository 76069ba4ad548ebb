"""The third depth of the duplicate check: the same wish in other words, only as a suggestion.

A model turns a text into numbers (`model`), which are compared with those of ideas that came before
(`vectors`, `search`); what is told is chosen with places and words in mind (`suggestions`). It has
a queue and a worker of its own, is slow, and nothing else waits for it. Where the model is not
installed, or the depth switched off, the depth is `off` and everything else works as before.
"""
