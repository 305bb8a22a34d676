"""pyradiomics' parameter files (YAML or JSON) read into :class:`Settings`."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from spinemr.imaging.errors import ImagingWarning, InputError
from spinemr.imaging.plain_files import json_of, text_of
from spinemr.radiomics import yaml_subset
from spinemr.radiomics.features.families import NAMES
from spinemr.radiomics.filters.bank import FILTERS, PYRADIOMICS_ONLY
from spinemr.radiomics.parameters import FILTER_PARAMETERS, PARAMETERS, WITHOUT_EFFECT, checked, overridden, unknown
from spinemr.radiomics.settings import FEATURE_CLASSES, Settings

SECTIONS = ("setting", "imageType", "featureClass", "voxelSetting")


@dataclass(frozen=True)
class Parameters:
    """What a file says."""

    settings: Settings
    named: frozenset[str]
    """The names under ``setting`` that the file holds; all others have their defaults."""


def read_parameters(path: str | os.PathLike[str]) -> Parameters:
    """Read a parameter file; an :class:`InputError` names whatever in it is unknown or has an impossible value."""
    source = Path(path)
    try:
        text = text_of(source, "utf-8-sig")
    except OSError as error:
        raise InputError(f"Cannot read {source}: {error.strerror or 'the system refused'}.", "Check the path.") from error
    except UnicodeDecodeError:
        raise InputError(f"Cannot read {source}: it is not text.", "Give a YAML or JSON file.") from None
    try:
        return parameters_of(_parsed(text, source.suffix.lower()))
    except InputError as error:
        raise InputError(f"{source.name}: {error.message}", error.hint) from None


def read_settings(path: str | os.PathLike[str]) -> Settings:
    """The settings a parameter file describes."""
    return read_parameters(path).settings


def parameters_of(content: object) -> Parameters:
    """The settings that the content of a file describes, as dictionaries and lists."""
    sections = _mapping(content, "The file")
    if strange := [name for name in sections if name not in SECTIONS]:
        raise unknown("section", strange, SECTIONS)
    if sections.get("voxelSetting"):
        warnings.warn("voxelSetting is left out: features are taken of structures, not of voxels.", ImagingWarning, stacklevel=3)
    named = _known_settings(_mapping(sections.get("setting"), "setting"), "setting")
    # In pyradiomics no interpolator means no resampling.
    if named.get("interpolator", "") is None:
        named = {name: value for name, value in named.items() if name not in ("interpolator", "resampledPixelSpacing")}
    filters = {name: checked(name, value) for name, value in named.items() if name in FILTER_PARAMETERS}
    defaults = Settings(
        image_types=_image_types(_mapping(sections.get("imageType"), "imageType"), filters),
        feature_classes=_feature_classes(_mapping(sections.get("featureClass"), "featureClass")),
    )
    return Parameters(overridden(defaults, named), frozenset(named))


def _parsed(text: str, suffix: str) -> object:
    if suffix == ".json":
        try:
            return json_of(text)
        except json.JSONDecodeError as error:
            raise InputError(f"line {error.lineno} is not JSON.", f"{error.msg}.") from None
        except ValueError:
            raise InputError("the file is not JSON.") from None
    if find_spec("yaml") is None:
        return yaml_subset.parse(text)
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark is not None else "the file"
        raise InputError(f"{where} is not YAML.", "Look at the indentation and the brackets there.") from None
    except (RecursionError, ValueError):  # nested without end; a date or number that cannot be
        raise InputError("the file is not YAML.", "Look at its brackets.") from None


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    """A section as a dictionary; what is left empty holds nothing."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InputError(f"{name} does not hold names with values.", "Write 'name: value' lines below it.")
    return {str(key): inner for key, inner in value.items()}


def _known_settings(section: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The settings that have an effect; each is checked, and one of no name is refused."""
    known = [*PARAMETERS, *FILTER_PARAMETERS]
    if strange := [name for name in section if name not in (*known, *WITHOUT_EFFECT, "label_channel")]:
        raise unknown("setting", strange, known)
    if section.get("label_channel"):
        raise InputError(f"{where} asks for label_channel {section['label_channel']}; masks here have one channel.")
    kept = {name: value for name, value in section.items() if name in known}
    for name, value in kept.items():
        if not (name == "interpolator" and value is None):
            checked(name, value)
    return kept


def _image_types(section: Mapping[str, Any], filters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Image types with their own settings; what filters need may stand under ``setting`` for all of them."""
    if strange := [name for name in section if name not in (*FILTERS, *PYRADIOMICS_ONLY)]:
        raise unknown("image type", strange, FILTERS)
    chosen: Mapping[str, Any] = section or {"Original": {}}
    own = {name: _known_settings(_mapping(inner, f"imageType {name}"), f"imageType {name}") for name, inner in chosen.items()}
    return {name: {**filters, **{key: checked(key, value) for key, value in inner.items()}} for name, inner in own.items()}


def _feature_classes(section: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    if not section:
        return dict.fromkeys(FEATURE_CLASSES, ())
    if strange := [name for name in section if name not in NAMES]:
        raise unknown("feature class", strange, NAMES)
    chosen = {}
    for name, wanted in section.items():
        if wanted is not None and not isinstance(wanted, list):
            raise InputError(f"featureClass {name} does not hold a list of features.", "Leave it empty for all of them.")
        names = tuple(str(feature) for feature in wanted or ())
        if strange := [feature for feature in names if feature not in NAMES[name].all]:
            raise unknown(f"{name} feature", strange, NAMES[name].all)
        chosen[name] = names
    return chosen
