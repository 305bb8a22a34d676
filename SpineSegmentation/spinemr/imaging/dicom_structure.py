"""Whether the elements of a DICOM header fit into its file: GDCM makes room for whatever length a damaged one states."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

_PREAMBLE = 132
_SMALLEST = 8
"""Bytes of an element without a value; fewer at the end are nothing."""
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
"""Kinds of values whose length takes four bytes, after two that are empty."""
_UNDEFINED = 0xFFFFFFFF
_PIXELS, _META, _SYNTAX = 0x7FE0, 0x0002, (0x0002, 0x0010)
_ITEM, _ITEM_END, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
_BIG_ENDIAN, _DEFLATED = b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.1.99"
_DEEPEST = 64
"""Sequences in sequences beyond this are a mistake, or meant to exhaust the reader."""


def is_well_formed(path: Path) -> bool:
    """Whether every element ends inside the file; pixels that are cut off are found and told elsewhere.

    Files that are compressed as a whole are not looked into.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = _PREAMBLE if content[128:_PREAMBLE] == b"DICM" else 0
        walk = _Walk(content)
        try:
            start, syntax = walk.meta(start)
            if syntax == _DEFLATED:
                return True
            walk.order = ">" if syntax == _BIG_ENDIAN else "<"
            walk.explicit = content[start + 4 : start + 6].isupper()  # whatever the syntax says, as GDCM does
            walk.elements(start, len(content), 0)
        except (struct.error, _Damaged):
            return False
    return True


class _Damaged(Exception):
    """An element reaches beyond what holds it."""


class _Walk:
    """Steps from element to element without looking at their values."""

    def __init__(self, content: mmap.mmap) -> None:
        self._content = content
        self.order, self.explicit = "<", True

    def meta(self, start: int) -> tuple[int, bytes]:
        """Where the elements of group 2 end, and the transfer syntax they name (always explicit, little-endian)."""
        syntax = b""
        while start + 8 <= len(self._content) and struct.unpack_from("<H", self._content, start)[0] == _META:
            tag, _, value, length = self._element(start)
            self._inside(value + length, len(self._content))
            if tag == _SYNTAX:
                syntax = self._content[value : value + length].rstrip(b"\0 ")
            start = value + length
        return start, syntax

    def elements(self, start: int, stop: int, depth: int, *, open_end: bool = False) -> int:
        """Step through elements until ``stop``, until the pixels or, where the length is open, until the end mark."""
        while start + _SMALLEST <= stop:
            tag, kind, value, length = self._element(start)
            if open_end and tag == _ITEM_END:
                return value
            if tag[0] == _PIXELS and depth == 0:
                start = self._after_pixels(value, length, stop)
            else:
                start = self._after(tag, kind, value, length, stop, depth)
        return start

    def _after_pixels(self, value: int, length: int, stop: int) -> int:
        """Where something may follow the pixels; the end where they are cut off, which is found and told elsewhere."""
        if length != _UNDEFINED:
            return min(value + length, stop)
        try:
            return self._items(value, stop, 1, open_end=True)
        except (struct.error, _Damaged):
            return stop

    def _after(self, tag: tuple[int, int], kind: bytes, value: int, length: int, stop: int, depth: int) -> int:
        if length != _UNDEFINED:
            self._inside(value + length, stop)
            if kind == b"SQ":
                self._items(value, value + length, depth + 1)
            return value + length
        if kind not in (b"SQ", b"UN", b"") or tag[0] == _ITEM[0]:
            raise _Damaged
        before, self.explicit = self.explicit, self.explicit and kind != b"UN"  # of unknown kind: without kinds inside
        after = self._items(value, stop, depth + 1, open_end=True)
        self.explicit = before
        return after

    def _items(self, start: int, stop: int, depth: int, *, open_end: bool = False) -> int:
        if depth > _DEEPEST:
            raise _Damaged
        while start < stop:
            tag, length = self._tag(start), self._length(start + 4)
            start += 8
            if open_end and tag == _SEQUENCE_END:
                return start
            if tag != _ITEM:
                raise _Damaged
            if length == _UNDEFINED:
                start = self.elements(start, stop, depth, open_end=True)
                continue
            self._inside(start + length, stop)
            self.elements(start, start + length, depth)
            start += length
        return start

    def _element(self, start: int) -> tuple[tuple[int, int], bytes, int, int]:
        """Tag, kind (empty where the file does not say), begin of the value and its length."""
        tag = self._tag(start)
        kind = self._content[start + 4 : start + 6] if self.explicit and tag[0] != _ITEM[0] else b""
        if not kind:
            return tag, kind, start + 8, self._length(start + 4)
        if kind in _LONG:
            return tag, kind, start + 12, self._length(start + 8)
        return tag, kind, start + 8, int(struct.unpack_from(self.order + "H", self._content, start + 6)[0])

    def _tag(self, start: int) -> tuple[int, int]:
        group, element = struct.unpack_from(self.order + "HH", self._content, start)
        return int(group), int(element)

    def _length(self, place: int) -> int:
        return int(struct.unpack_from(self.order + "I", self._content, place)[0])

    def _inside(self, place: int, stop: int) -> None:
        if place > stop:
            raise _Damaged
