"""The choice of label numbers that several commands offer."""

from __future__ import annotations

from enum import Enum


class LabelScheme(str, Enum):
    """Whose numbers a label map holds."""

    VERSE = "verse"
    SPIDER = "spider"
    TOTALSPINESEG = "totalspineseg"
