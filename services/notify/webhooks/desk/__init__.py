"""The desk's pages about other systems that hear events."""
