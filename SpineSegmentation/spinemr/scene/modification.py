"""Changes as Slicer expects them: one event for many settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import slicer


@contextmanager
def one_event(*nodes: slicer.vtkMRMLNode) -> Iterator[None]:
    """Hold back the modified events of nodes until the block ends: views update once, whatever stops the block."""
    states = [(node, node.StartModify()) for node in nodes]
    try:
        yield
    finally:
        for node, state in reversed(states):
            node.EndModify(state)
