"""What has to be known of a TIFF before ITK reads it: samples of a pixel, and whether its pages come to an end."""

from __future__ import annotations

import struct

_SAMPLES_PER_PIXEL = 277
_SIGNS = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}


def samples_of_first_page(content: bytes) -> int:
    """SamplesPerPixel; 1 where the file is no TIFF or does not say."""
    layout = _Layout.of(content)
    if layout is None:
        return 1
    try:
        start = layout.first()
        for place in range(layout.entries(start)):
            tag, value = layout.entry(start, place)
            if tag == _SAMPLES_PER_PIXEL:
                return value
    except struct.error:  # cut off: the reader will say so
        return 1
    return 1


def leads_in_a_circle(content: bytes) -> bool:
    """Whether a page names one before it as its next: ITK would follow for ever, deaf to being cancelled."""
    layout = _Layout.of(content)
    seen: set[int] = set()
    try:
        place = 0 if layout is None else layout.first()
        while layout is not None and place:
            if place in seen:
                return True
            seen.add(place)
            place = layout.following(place)
    except struct.error:
        return False
    return False


class _Layout:
    """Where things stand in a TIFF, or in one of the kind for large files."""

    def __init__(self, content: bytes, order: str, large: bool) -> None:
        self._content, self._order, self._large = content, order, large

    @classmethod
    def of(cls, content: bytes) -> _Layout | None:
        order = _SIGNS.get(content[:4])
        return None if order is None else cls(content, order, b"+" in content[2:4])

    def first(self) -> int:
        return self._number("Q", 8) if self._large else self._number("I", 4)

    def entries(self, page: int) -> int:
        return self._number("Q" if self._large else "H", page)

    def entry(self, page: int, place: int) -> tuple[int, int]:
        """Tag and (first) value."""
        start = page + (8 + 20 * place if self._large else 2 + 12 * place)
        kind = self._number("H", start + 2)
        return self._number("H", start), self._number("H" if kind == 3 else "I", start + (12 if self._large else 8))

    def following(self, page: int) -> int:
        end = page + (8 + 20 * self.entries(page) if self._large else 2 + 12 * self.entries(page))
        return self._number("Q" if self._large else "I", end)

    def _number(self, code: str, place: int) -> int:
        return int(struct.unpack_from(self._order + code, self._content, place)[0])
