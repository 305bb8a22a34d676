"""Masks of the spine: the networks that draw them, how these are trained, and how good the masks are."""
