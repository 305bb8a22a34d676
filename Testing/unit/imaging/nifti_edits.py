"""Changes bytes of a NIfTI-1 header in place, to make the files that scanners and converters get wrong."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

PIXDIM, CODES, SROWS, DESCRIP, INTENT_NAME, AUX_FILE, DIM = 76, 252, 280, 148, 328, 228, 40


def edit(path: Path, *changes: tuple[int, str, tuple[object, ...]]) -> Path:
    """Pack values at byte offsets of an uncompressed or compressed NIfTI file."""
    compressed = path.name.endswith(".gz")
    content = bytearray(gzip.decompress(path.read_bytes()) if compressed else path.read_bytes())
    for offset, code, values in changes:
        struct.pack_into("<" + code, content, offset, *values)
    path.write_bytes(gzip.compress(bytes(content)) if compressed else bytes(content))
    return path
