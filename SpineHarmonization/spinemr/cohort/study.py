"""A study of a cohort: what it is called, where its image lies, and which scanner and group it is of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

URL = "://"
"""What tells an address (s3://bucket/study.nii.gz) from a path."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@dataclass(frozen=True)
class Study:
    """One image to be worked on. Where it lies may name somebody: paths are left out of its text and of every result."""

    id: str
    """In tables, and as the name of its folder."""
    path: str = field(repr=False)
    """A file, a DICOM folder, or an address that fsspec knows."""
    scanner: str = ""
    group: str = ""
    subject: str = ""
    """Whose image it is, where several may be of one person; never a name."""
    series: str | None = None
    """Which series of a DICOM folder."""
    files: tuple[str, ...] = field(default=(), repr=False)
    """Of a DICOM series: its slices, by their names inside ``path``; empty for all that lies there."""

    @property
    def is_remote(self) -> bool:
        """Whether it has to be fetched first."""
        return URL in self.path


def is_id(text: str) -> bool:
    """Whether a text can name a folder on every system: letters, digits, dots, dashes and underscores, at most 80."""
    return _ID.fullmatch(text) is not None and not text.endswith(".")
