"""Names for studies whose own names may be those of patients: keyed digests, the same whenever a cohort is gone on with.

The key is a random number that lies in the cohort's hidden folder and nowhere else. Without it nobody can try out names and
see which of them gives an id.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from spinemr.imaging.atomic import write_error
from spinemr.imaging.errors import InputError

_DIGITS = 12
"""Two of 100,000 studies have the same 48 bits once in 60,000 cohorts; that ends with a sentence."""
_KEY_BYTES = 32


@dataclass(frozen=True)
class Pseudonyms:
    """Makes ids with a key."""

    key: bytes = field(repr=False)

    def study(self, name: str) -> str:
        """The id of a study, from what tells it from all others of its folder."""
        return f"study-{self._digest('study', name)}"

    def subject(self, name: str) -> str:
        """The id of a person."""
        return f"subject-{self._digest('subject', name)}"

    def short(self, name: str) -> str:
        """Four characters that tell scanners apart."""
        return self._digest("scanner", name)[:4]

    def _digest(self, kind: str, name: str) -> str:
        return hmac.new(self.key, f"{kind}\0{name}".encode(), hashlib.sha256).hexdigest()[:_DIGITS]


def pseudonyms_in(path: Path) -> Pseudonyms:
    """Those of the key in a file, which is made (for its owner's eyes only) where it is missing."""
    try:
        if not path.exists():
            path.touch(mode=0o600)
            path.write_bytes(secrets.token_bytes(_KEY_BYTES))
        elif not path.read_bytes():  # whoever made it was stopped before he wrote
            path.write_bytes(secrets.token_bytes(_KEY_BYTES))
    except OSError as error:
        raise write_error(path, error) from error
    return known_pseudonyms(path)


def known_pseudonyms(path: Path) -> Pseudonyms:
    """Those of the key in a file that has one."""
    try:
        key = path.read_bytes()
    except OSError as error:
        raise InputError(f"The key {path} is missing.", "Without it nobody can tell which study is whose.") from error
    if len(key) != _KEY_BYTES:
        raise InputError(f"{path} is damaged: studies cannot be told apart any more.", "Start the cohort in another folder.")
    return Pseudonyms(key)
