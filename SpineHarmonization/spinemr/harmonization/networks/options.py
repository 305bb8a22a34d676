"""Options of networks, checked by name and value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from spinemr.imaging.errors import require

T = TypeVar("T")


def options_of(kind: type[T], options: Mapping[str, Any]) -> T:
    """A dataclass of options from names and values; :class:`InputError` names what is no option or of another type."""
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for name, value in options.items():
        require(name in known, f"'{name}' is no option of this network.", f"Choose from: {', '.join(known)}.")
        default = known[name].default
        number = isinstance(default, float) and type(value) is int
        require(number or type(value) is type(default), f"The option {name} cannot be {value!r}.")
    return kind(**options)
