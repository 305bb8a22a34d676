"""What a model card says of a network for harmonization beside what every card says."""

from __future__ import annotations

from dataclasses import dataclass

CONTRASTS = ("", "t1", "t2")


@dataclass(frozen=True)
class HarmonizationTarget:
    """An appearance a harmonizer gives to images."""

    name: str
    contrast: str = ""
    """``t1`` or ``t2``, what its images look like; empty where nobody said it."""
    code: tuple[float, ...] = ()
    """What the network is told to give this appearance; empty for a network that knows one only."""


@dataclass(frozen=True)
class Harmonizer:
    """What a network for harmonization does: its method, how many slices it sees at a time, and its targets."""

    method: str
    slices: int
    targets: tuple[HarmonizationTarget, ...]
    """The first is meant where none is named."""
    scale: str = ""
    """The contrast whose shipped scale (Nyul) images are brought to before the network sees them; empty for none."""
