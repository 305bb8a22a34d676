"""MetaImage and NRRD headers read before ITK does: numbers it trusts blindly, and where they send it for the pixels.

A dimension of 1e308 in a MetaImage ends the whole process, and a header may name a pipe or a device as the file of its pixels.
"""

from __future__ import annotations

import re
from pathlib import Path

from spinemr.imaging.errors import InputError
from spinemr.imaging.plain_files import regular

_MOST_BYTES = 1 << 20
"""Of a header; what follows are pixels."""
_MOST_AXES = 10
_LARGEST = 2**31 - 1
_COUNTS = ("ndims", "dimsize", "elementnumberofchannels", "headersize", "compresseddatasize")
"""Fields of MetaImage that are whole numbers."""
_INSIDE = ("local", "list")


def check_meta(path: Path) -> None:
    """Refuse a MetaImage whose counts are none, or whose pixels lie in no plain file."""
    fields = _fields(path, r"^\s*(\w+)\s*[=:]\s*(.*?)\s*$", "elementdatafile")
    for name in _COUNTS:
        for number in fields.get(name, "").split():
            if not re.fullmatch(r"-?\d{1,19}", number) or (name != "compresseddatasize" and int(number) > _LARGEST):
                raise _damaged(path)
    axes = int((fields.get("ndims", "").split() or ["0"])[0])
    if not 1 <= axes <= _MOST_AXES or len(fields.get("dimsize", "").split()) != axes:
        raise _damaged(path)
    _check_pixels(path, fields.get("elementdatafile", ""))


def check_nrrd(path: Path) -> None:
    """Refuse an NRRD whose pixels lie in no plain file."""
    fields = _fields(path, r"^([\w ]+):=?\s*(.*?)\s*$", "")
    _check_pixels(path, fields.get("data file", fields.get("datafile", "")))


def _fields(path: Path, line: str, last: str) -> dict[str, str]:
    """Names in lower case with their values, up to the field ``last`` or the first empty line."""
    with regular(path).open("rb") as file:
        text = file.read(_MOST_BYTES).decode("latin-1")
    found: dict[str, str] = {}
    for one in text.split("\n"):
        if not one.strip("\r "):
            break
        if match := re.match(line, one):
            found.setdefault(match[1].lower(), match[2])
            if match[1].lower() == last:
                break
    return found


def _check_pixels(path: Path, named: str) -> None:
    """Names of many files (a pattern, a list) are left to ITK: what they name has to exist for it, too."""
    name = named.split(" ")[0] if "%" in named else named
    if not name or name.lower() in _INSIDE or name.upper().startswith("LIST") or "%" in name:
        return
    place = path.parent / name
    if "\0" in name or (place.exists() and not place.is_file()):
        raise InputError(f"Cannot read {path}: its pixels lie in no plain file.", "Export it again.")


def _damaged(path: Path) -> InputError:
    return InputError(f"Cannot read {path}: it is damaged, incomplete or not what its name says.", "Export or copy it again.")
