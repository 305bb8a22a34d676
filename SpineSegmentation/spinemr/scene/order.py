"""The order in which people read structures."""

from __future__ import annotations

from spinemr.imaging.anatomy import Anatomy


def head_to_foot(label: int) -> tuple[float, int]:
    """A sort key: each vertebra before its disc and its posterior elements, T13 after T12, cord and canal last."""
    level = label % 100
    return float(Anatomy.T12) + 0.5 if level == Anatomy.T13 else float(level), label
