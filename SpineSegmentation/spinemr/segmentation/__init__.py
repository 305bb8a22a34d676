"""Masks of the spine: how good they are."""
