"""Whether the pixels of a DICOM file are all there: SimpleITK 2.5.2 fills what is missing in silence (2.5.7 refuses)."""

from __future__ import annotations

import struct

from spinemr.imaging.dicom_headers import SliceHeader
from spinemr.imaging.errors import InputError

_PIXEL_DATA = b"\xe0\x7f\x10\x00"
"""Tag (7FE0,0010) in little-endian files; the rare big-endian ones are left to GDCM."""
_LONG_KINDS = (b"OB", b"OW")
_UNDEFINED = 0xFFFFFFFF
_SEQUENCE_END = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
"""Closes compressed pixels, whose length is not known beforehand."""


def check_pixels(file: SliceHeader, name: str) -> None:
    """Raise :class:`InputError` where a file ends before its pixels do."""
    content = file.path.read_bytes()
    place = content.find(_PIXEL_DATA)
    while place >= 0:
        start, length = _extent(content, place)
        if length == _UNDEFINED and _SEQUENCE_END in content[start:]:
            return
        if length in (file.pixel_bytes, file.pixel_bytes + 1) and start + length <= len(content):
            return
        if length in (_UNDEFINED, file.pixel_bytes, file.pixel_bytes + 1):
            raise InputError(f"Cannot read {name}: a DICOM file is truncated.", "Export or copy the series again.")
        place = content.find(_PIXEL_DATA, place + 1)


def _extent(content: bytes, place: int) -> tuple[int, int]:
    """Where the value of an element starts, and its stated length, with explicit or implicit value representation."""
    explicit = content[place + 4 : place + 6] in _LONG_KINDS
    start = place + (12 if explicit else 8)
    if len(content) < start:
        return start, _UNDEFINED
    return start, int(struct.unpack_from("<I", content, start - 4)[0])
