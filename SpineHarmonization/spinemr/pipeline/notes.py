"""What users are warned of while a case runs, kept for its results."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from spinemr.imaging.errors import ImagingWarning


@contextmanager
def noted(notes: list[str]) -> Iterator[None]:
    """Collect what the block warns users of; they still hear of it when it ends, also when it fails."""
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    finally:
        notes += [str(one.message) for one in caught if issubclass(one.category, ImagingWarning)]
        for one in caught:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
