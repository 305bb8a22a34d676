"""Trained networks put to use: references, slices through a network and back, and a check of the anatomy."""
