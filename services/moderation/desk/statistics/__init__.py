"""The page of numbers, its tables and its pictures."""
