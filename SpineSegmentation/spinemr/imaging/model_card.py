"""Model cards: the JSON that lies beside trained weights and says what they are and what they are not.

``docs/model_cards.md`` describes the fields. Cards are found by their name, ``<package>/models/<model>.card.json``, in the
packages of ``spinemr`` that ship weights; nothing is ever downloaded.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from spinemr.imaging.errors import ImagingWarning, InputError
from spinemr.imaging.harmonizer import CONTRASTS, HarmonizationTarget, Harmonizer
from spinemr.imaging.plain_files import json_of, text_of

CARD_SUFFIX = ".card.json"
TASKS = ("segmentation", "harmonization")
PACKAGES_WITH_MODELS = ("spinemr.segmentation", "spinemr.harmonization")
_TEXTS = ("title", "version", "licence", "intended_use", "limits", "recipe", "commit")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ModelFile:
    """A file of weights beside the card, and its SHA-256."""

    format: str
    path: str
    sha256: str
    metrics: tuple[CardMetric, ...] = ()
    """Of a variant whose results differ from those of the card."""
    speed_up: float | None = None
    """Of a variant: how many times as fast as the others, where that was measured."""


@dataclass(frozen=True)
class TrainingData:
    """A data set a model was trained on."""

    name: str
    licence: str
    citation: str
    n: int


@dataclass(frozen=True)
class CardMetric:
    """A measured quality: mean, 95 % confidence interval, and how many cases of what it was measured on."""

    name: str
    value: float
    ci95: tuple[float, float]
    n: int
    data: str

    def sentence(self) -> str:
        """For example "DSC of discs 0.912 (95 % CI 0.901 to 0.920, n = 31, SPIDER)"."""
        low, high = self.ci95
        return f"{self.name} {self.value:.3g} (95 % CI {low:.3g} to {high:.3g}, n = {self.n}, {self.data})"


@dataclass(frozen=True)
class PatchInput:
    """What a network of volumes looks at: so many slices, rows and columns, the slices so far apart."""

    slices: int
    rows: int
    columns: int
    slice_mm: float


@dataclass(frozen=True)
class ModelInput:
    """What a network has to be shown.

    Pixel size, the number that rows and columns are a multiple of, the two percentiles of a study that become 0 and 1, and of
    a network of volumes its patch.
    """

    pixel_mm: float
    multiple: int
    percentiles: tuple[float, float] = (0.5, 99.5)
    patch: PatchInput | None = None


@dataclass(frozen=True)
class ModelCard:
    """Everything a user has to know before trusting a model."""

    name: str
    title: str
    version: str
    task: str
    licence: str
    intended_use: str
    limits: str
    recipe: str
    commit: str
    input: ModelInput
    files: tuple[ModelFile, ...]
    training_data: tuple[TrainingData, ...]
    metrics: tuple[CardMetric, ...]
    remarks: tuple[str, ...] = ()
    """What else was measured, and what was decided on it."""
    harmonizer: Harmonizer | None = None
    """Of a model for harmonization."""

    @classmethod
    def read(cls, path: Path) -> ModelCard:
        """Read and check a card; :class:`InputError` names the file and the field that is missing or wrong."""
        try:
            content = json_of(text_of(path))
        except (OSError, ValueError) as error:
            raise InputError(f"The model card {path.name} cannot be read.") from error
        return _Reader(path.name).card(content)

    def as_dict(self) -> dict[str, Any]:
        """The card as plain values, as it stands in its file; what is not said is left out."""
        return dict(_said(asdict(self)))


def _said(value: Any) -> Any:  # noqa: ANN401 - plain values
    if isinstance(value, dict):
        return {name: _said(item) for name, item in value.items() if item is not None and item != ()}
    return tuple(_said(item) for item in value) if isinstance(value, tuple) else value


def model_folders() -> tuple[Path, ...]:
    """The folders ``models`` of the installed packages, whether or not anything lies in them."""
    folders: list[Path] = []
    for package in PACKAGES_WITH_MODELS:
        spec = find_spec(package)
        folders += [Path(place) / "models" for place in (spec.submodule_search_locations or ())] if spec is not None else []
    return tuple(folders)


def shipped_models(folders: Iterable[Path] | None = None) -> tuple[ModelCard, ...]:
    """The cards of all models in the given folders (by default the installation's), by name; broken ones are only noted."""
    cards = []
    for folder in model_folders() if folders is None else folders:
        for path in sorted(folder.glob(f"*{CARD_SUFFIX}")):
            try:
                cards.append(ModelCard.read(path))
            except InputError as error:
                warnings.warn(f"{error} The model is left out.", ImagingWarning, stacklevel=2)
    return tuple(sorted(cards, key=lambda card: card.name))


def shipped_model(name: str, folders: Iterable[Path] | None = None) -> ModelCard:
    """The card of one model; :class:`InputError` lists the names there are."""
    cards = {card.name: card for card in shipped_models(folders)}
    if name not in cards:
        known = f"There are: {', '.join(cards)}." if cards else "No models come with this version."
        raise InputError(f"There is no model {name}.", known)
    return cards[name]


class _Reader:
    """Takes typed fields out of JSON; complains with the card's name and the path to the field."""

    def __init__(self, source: str) -> None:
        self._source = source

    def card(self, content: object) -> ModelCard:
        fields = self._mapping(content, "the card")
        task = self._text(fields, "task")
        if task not in TASKS:
            self._refuse("task", f"is not one of {', '.join(TASKS)}")
        return ModelCard(
            name=self._matching(fields, "name", _NAME, "may hold a-z, 0-9, dot, dash and underscore"),
            task=task,
            **{key: self._text(fields, key) for key in _TEXTS},
            input=self._input(self._mapping(fields.get("input"), "input")),
            files=tuple(self._file(item) for item in self._items(fields, "files")),
            training_data=tuple(self._data(item) for item in self._items(fields, "training_data")),
            metrics=tuple(self._metric(item) for item in self._items(fields, "metrics")),
            remarks=self._remarks(fields),
            harmonizer=self._harmonizer(fields) if task == "harmonization" else None,
        )

    def _harmonizer(self, fields: Mapping[str, Any]) -> Harmonizer:
        item = self._mapping(fields.get("harmonizer"), "harmonizer")
        slices = self._count(item, "slices")
        if slices % 2 == 0:
            self._refuse("slices", "is not odd")
        targets = tuple(self._target(one) for one in self._items(item, "targets"))
        if len({len(one.code) for one in targets}) > 1 or len({one.name for one in targets}) < len(targets):
            self._refuse("targets", "have the same name or codes of different lengths")
        scale = item.get("scale", "")
        if scale not in CONTRASTS:
            self._refuse("scale", "is neither t1 nor t2 nor empty")
        return Harmonizer(self._text(item, "method"), slices, targets, scale)

    def _target(self, item: Mapping[str, Any]) -> HarmonizationTarget:
        contrast, code = item.get("contrast", ""), item.get("code", [])
        if contrast not in CONTRASTS:
            self._refuse("contrast", "is neither t1 nor t2 nor empty")
        if not isinstance(code, list):
            self._refuse("code", "is not a list of numbers")
        return HarmonizationTarget(self._text(item, "name"), contrast, tuple(self._number({"code": x}, "code") for x in code))

    def _remarks(self, fields: Mapping[str, Any]) -> tuple[str, ...]:
        remarks = fields.get("remarks", [])
        if not isinstance(remarks, list) or not all(isinstance(text, str) and text.strip() for text in remarks):
            self._refuse("remarks", "is not a list of texts")
        return tuple(remarks)

    def _input(self, item: Mapping[str, Any]) -> ModelInput:
        pixel, multiple = self._number(item, "pixel_mm"), self._number(item, "multiple")
        low, high = self._pair(item, "percentiles")
        if not (pixel > 0 and multiple >= 1 and multiple == int(multiple) and 0 <= low < high <= 100):
            self._refuse("input", "is no pixel size, multiple and pair of percentiles")
        patch = self._patch(self._mapping(item["patch"], "patch")) if "patch" in item else None
        return ModelInput(pixel, int(multiple), (low, high), patch)

    def _patch(self, item: Mapping[str, Any]) -> PatchInput:
        slices, rows, columns = (self._count(item, key) for key in ("slices", "rows", "columns"))
        slice_mm = self._number(item, "slice_mm")
        if slice_mm <= 0:
            self._refuse("slice_mm", "is not above 0")
        return PatchInput(slices, rows, columns, slice_mm)

    def _pair(self, item: Mapping[str, Any], key: str) -> tuple[float, float]:
        pair = item.get(key)
        if not isinstance(pair, list) or len(pair) != 2:
            self._refuse(key, "is not a pair of numbers")
        first, second = (self._number({key: bound}, key) for bound in pair)
        return first, second

    def _file(self, item: Mapping[str, Any]) -> ModelFile:
        path = self._text(item, "path")
        if Path(path).name != path or "\\" in path:
            self._refuse("path", "has to be the name of a file beside the card")
        digest = self._matching(item, "sha256", _SHA256, "is not a SHA-256 in lower case")
        metrics = self._items(item, "metrics") if "metrics" in item else []
        speed_up = self._number(item, "speed_up") if "speed_up" in item else None
        return ModelFile(self._text(item, "format"), path, digest, tuple(self._metric(m) for m in metrics), speed_up)

    def _data(self, item: Mapping[str, Any]) -> TrainingData:
        name, licence, citation = (self._text(item, key) for key in ("name", "licence", "citation"))
        return TrainingData(name, licence, citation, self._count(item))

    def _metric(self, item: Mapping[str, Any]) -> CardMetric:
        low, high = self._pair(item, "ci95")
        value = self._number(item, "value")
        if not low <= value <= high:
            self._refuse("ci95", "does not contain the value")
        return CardMetric(self._text(item, "name"), value, (low, high), self._count(item), self._text(item, "data"))

    def _items(self, fields: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        value = fields.get(key)
        if not isinstance(value, list) or not value:
            self._refuse(key, "is not a list with at least one entry")
        return [self._mapping(item, f"an entry of {key}") for item in value]

    def _mapping(self, value: object, what: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            self._refuse(what, "is not an object")
        return dict(value)

    def _text(self, fields: Mapping[str, Any], key: str) -> str:
        value = fields.get(key)
        if not isinstance(value, str) or not value.strip():
            self._refuse(key, "is missing or not a text")
        return str(value)

    def _matching(self, fields: Mapping[str, Any], key: str, pattern: re.Pattern[str], complaint: str) -> str:
        value = self._text(fields, key)
        if not pattern.fullmatch(value):
            self._refuse(key, complaint)
        return value

    def _number(self, fields: Mapping[str, Any], key: str) -> float:
        value = fields.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            self._refuse(key, "is missing or not a number")
        return float(value)

    def _count(self, fields: Mapping[str, Any], key: str = "n") -> int:
        value = fields.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            self._refuse(key, "is not a count of at least 1")
        return int(value)

    def _refuse(self, field: str, complaint: str) -> NoReturn:
        raise InputError(f"The model card {self._source} is not valid: {field} {complaint}.")
