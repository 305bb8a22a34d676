"""The extension as Slicer would install it: configured by cmake against a stand-in, flattened into one folder."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class InstalledFile:
    """One file Slicer would install: whose it is, where it comes from, where below ``qt-scripted-modules`` it goes."""

    module: str
    kind: str
    source: Path
    target: str


@dataclass(frozen=True)
class Configured:
    """What configuring the extension wrote down."""

    files: tuple[InstalledFile, ...]
    extension: dict[str, str]


def find_cmake() -> str:
    """cmake from the tests' own environment, else from the system; the test is skipped where there is none."""
    found = shutil.which("cmake", path=sysconfig.get_path("scripts")) or shutil.which("cmake")
    if found is None:
        pytest.skip("cmake is not installed (pip install cmake, or Debian's cmake)")
    return found


def configure(source: Path, binary: Path, stand_in: Path) -> subprocess.CompletedProcess[str]:
    """Configure an extension against the stand-in Slicer; builds nothing and needs neither compiler nor make."""
    cmake = find_cmake()
    definitions = {
        "Slicer_DIR": stand_in,
        "CMAKE_TOOLCHAIN_FILE": stand_in / "NoCompiler.cmake",
        "CMAKE_MAKE_PROGRAM": cmake,
    }
    command = [cmake, "-S", str(source), "-B", str(binary), "-G", "Unix Makefiles"]
    command += [f"-D{name}={Path(value).as_posix()}" for name, value in definitions.items()]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def run_cmake() -> Callable[[Path, Path, Path], subprocess.CompletedProcess[str]]:
    """Configure an extension that is not ours."""
    return configure


@pytest.fixture(scope="session")
def configured(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Configured:
    """The real ``CMakeLists.txt``, configured."""
    binary = tmp_path_factory.mktemp("extension")
    result = configure(repository, binary, repository / "Testing" / "extension")
    assert result.returncode == 0, result.stdout + result.stderr
    rows = (line.split("|") for line in (binary / "installed.txt").read_text(encoding="utf-8").splitlines())
    values = (line.partition("=") for line in (binary / "extension.txt").read_text(encoding="utf-8").splitlines())
    return Configured(
        files=tuple(InstalledFile(module, kind, Path(source), target) for module, kind, source, target in rows),
        extension={name: value for name, _, value in values},
    )


@pytest.fixture(scope="session")
def scripted_modules(configured: Configured, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one flat folder Slicer loads everything from; copied with the later of two files of one name winning."""
    folder = tmp_path_factory.mktemp("lib") / "qt-scripted-modules"
    for file in configured.files:
        (folder / file.target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.source, folder / file.target)
    return folder
