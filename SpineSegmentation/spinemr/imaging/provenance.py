"""Where a result comes from: written as ``<result>.json`` beside it, free of patients and of machine paths."""

from __future__ import annotations

import hashlib
import math
import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

from spinemr.imaging.atomic import write_json_atomic
from spinemr.imaging.errors import InputError
from spinemr.imaging.formats import split_suffix
from spinemr.imaging.version import __version__

_CHUNK = 1 << 20
_PACKAGES = ("numpy", "scipy", "SimpleITK")


@dataclass(frozen=True)
class InputFile:
    """An input by its name (no folders) and its contents."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Provenance:
    """Versions, command, parameters, models, inputs and timing of one result."""

    tool: str
    command: tuple[str, ...]
    parameters: Mapping[str, object]
    inputs: tuple[InputFile, ...]
    models: Mapping[str, str]
    """Name and sha256 of every model used."""
    seconds: Mapping[str, float]
    """Wall-clock time of each phase."""
    versions: Mapping[str, str]
    created: str
    """UTC, ISO 8601."""

    @classmethod
    def of(
        cls,
        tool: str,
        *,
        command: Sequence[str] = (),
        parameters: Mapping[str, object] | None = None,
        inputs: Sequence[str | os.PathLike[str]] | Mapping[str, str | os.PathLike[str]] = (),
        models: Mapping[str, str] | None = None,
        seconds: Mapping[str, float] | None = None,
    ) -> Provenance:
        """Describe a result just made; inputs are hashed, paths in command and parameters shortened to names.

        Names of files and folders may be names of patients: inputs given as ``{"IMAGE": path}`` appear as IMAGE alone.
        """
        if isinstance(inputs, Mapping):
            called = list(inputs.items())
            for name, path in called:
                command = without_place(command, Path(path), name)
        else:
            called = [(Path(path).name, path) for path in inputs]
        return cls(
            tool=tool,
            command=tuple(_shortened(word) for word in command),
            parameters={name: _plain(value) for name, value in (parameters or {}).items()},
            inputs=tuple(InputFile(name, sha256_of(path)) for name, path in called),
            models=dict(models or {}),
            seconds={phase: round(value, 3) for phase, value in (seconds or {}).items()},
            versions=versions(),
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        )

    def as_dict(self) -> dict[str, object]:
        """The fields as plain values for JSON."""
        return asdict(self)

    def write_beside(self, result: str | os.PathLike[str]) -> Path:
        """Write ``<result>.json`` ("a.nii.gz" -> "a.json") and return its path."""
        path = sidecar_of(result)
        write_json_atomic(self.as_dict(), path)
        return path


@dataclass
class Stopwatch:
    """Adds up the seconds of named phases: ``with watch.phase("read"): ...``."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time of the block, also when it fails."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def without_place(words: Sequence[str], place: Path, name: str) -> list[str]:
    """The words of a command with a name in the place of a path, which may stand behind an option's "="."""
    return [_renamed(word, place, name) for word in words]


def _renamed(word: str, place: Path, name: str) -> str:
    option, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
    return f"{option}{equals}{name}" if value and Path(value) == place else word


def sidecar_of(result: str | os.PathLike[str]) -> Path:
    """The JSON file beside a result."""
    path = Path(result)
    return path.with_name(split_suffix(path)[0] + ".json")


def sha256_of(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, or of a folder's files (their relative names and bytes, sorted by name)."""
    source = Path(path)
    try:
        return _folder_digest(source) if source.is_dir() else _file_digest(source).hexdigest()
    except OSError as error:
        raise InputError(f"Cannot read {source}: {error.strerror or 'the system refused'}.") from error


def versions() -> dict[str, str]:
    """What computed the result: this software, its numerical packages, Python and the platform."""
    found = {"spinemr": __version__, "python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}"}
    return found | {package: _version_of(package) for package in _PACKAGES}


def _version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # inside 3D Slicer some packages come without metadata
        return "unknown"


def _file_digest(path: Path) -> hashlib._Hash:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
    return digest


def _folder_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    for name in names:
        digest.update(name.encode("utf-8") + b"\0" + _file_digest(folder / name).digest())
    return digest.hexdigest()


def _plain(value: object) -> object:
    """A value JSON can hold, with paths shortened to their names."""
    if isinstance(value, os.PathLike) or (isinstance(value, str) and Path(value).is_absolute()):
        return Path(value).name
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if isinstance(value, (bool, int, str)) or value is None else str(value)


def _shortened(word: str) -> str:
    """A path's last part, also behind an option's "="; other words stay."""
    option, equals, value = word.partition("=") if word.startswith("-") and "=" in word else ("", "", word)
    if "/" in value or "\\" in value:
        value = value.replace("\\", "/").rstrip("/").rpartition("/")[2] or "."
    return option + equals + value
