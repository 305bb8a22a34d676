"""The published losses, each a function by itself, under the number of its equation."""
