"""Settings files, YAML or JSON, read into dataclasses: an unknown name or a value of another kind is said with its place."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from spinemr.imaging.errors import InputError
from spinemr.imaging.plain_files import json_of, text_of

T = TypeVar("T")


def read_text(path: Path) -> str:
    """The text of a configuration."""
    try:
        return text_of(path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The file {path} cannot be read.", "Give a YAML or JSON file.") from error


def parsed(text: str, path: Path) -> object:
    """The values of a YAML or JSON text, by the suffix of its file."""
    if path.suffix.lower() == ".json":
        try:
            return json_of(text)
        except ValueError as error:
            raise InputError(f"{path.name} is not valid JSON: {error}.") from error
    try:
        import yaml
    except ImportError as error:
        raise InputError("YAML files need the package PyYAML.", "Install it, or write the configuration as JSON.") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{path.name} is not valid YAML: {' '.join(str(error).split())}.") from error
    except (RecursionError, ValueError):  # nested without end; a date or number that cannot be
        raise InputError(f"{path.name} is not valid YAML.") from None


def built(kind: type[T], content: object, place: str) -> T:
    """A dataclass from a mapping; every name is checked, every value brought to the field's type."""
    if not isinstance(content, Mapping):
        raise InputError(f"In {place}: expected names and values.")
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for name in content:
        if name not in known:
            raise InputError(f"In {place}: there is no setting '{name}'.", f"Choose from: {', '.join(known)}.")
    for name, described in known.items():
        if described.default is MISSING and described.default_factory is MISSING and name not in content:
            raise InputError(f"In {place}: the setting '{name}' is missing.")
    hints = typing.get_type_hints(kind)
    return kind(**{name: _value(hints[name], value, f"{place}, {name}") for name, value in content.items()})


def _value(wanted: Any, value: object, place: str) -> object:  # noqa: ANN401 - a type expression
    origin = typing.get_origin(wanted)
    if origin is types.UnionType:
        wanted, origin = typing.get_args(wanted)[0], None
        if value is None:
            return None
    if is_dataclass(wanted):
        return built(cast(type[object], wanted), value, place)
    if origin is tuple and isinstance(value, list | tuple):
        inner = typing.get_args(wanted)[0]
        return tuple(_value(inner, item, f"{place} {index + 1}") for index, item in enumerate(value))
    if origin is not None and issubclass(origin, Mapping) and isinstance(value, Mapping):
        return dict(value)
    # YAML 1.1 reads 2e-3 as a text; 2.0e-3 is a number.
    if wanted is float and isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            return float(value)
        except ValueError:
            pass
    elif isinstance(wanted, type) and type(value) is wanted:
        return value
    raise InputError(f"In {place}: '{value}' is not {_NOUNS.get(wanted, 'a list')}.")


_NOUNS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
