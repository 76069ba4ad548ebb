"""The commands of `radslag`: one file each, loaded only when asked for."""
