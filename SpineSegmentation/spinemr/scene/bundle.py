"""Scenes as ``.mrb`` bundles: one file with all nodes and their data."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from spinemr.imaging.atomic import atomic_group
from spinemr.imaging.errors import InputError, OutputError

if TYPE_CHECKING:
    import slicer


def save_bundle(scene: slicer.vtkMRMLScene, path: str | os.PathLike[str]) -> None:
    """Write all nodes of a scene into one ``.mrb`` file, whole or not at all."""
    target = _bundle(path)
    _refuse_bare(scene)
    _refuse_loss(scene)
    with atomic_group(target) as temporary:
        if not scene.WriteToMRB(str(temporary)) or not temporary.is_file():
            raise OutputError(f"Cannot write {target}.", "Is there room on the disk, and may you write there?")


def load_bundle(scene: slicer.vtkMRMLScene, path: str | os.PathLike[str], *, clear: bool = False) -> None:
    """Read a ``.mrb`` file into a scene: beside what is there, or with ``clear`` in its place."""
    source = _bundle(path)
    _refuse_bare(scene)
    _refuse_broken(source)
    if not scene.ReadFromMRB(str(source), clear):
        raise InputError(f"Cannot read {source}.", "It may be damaged, or from another version of Slicer.")


def _bundle(path: str | os.PathLike[str]) -> Path:
    bundle = Path(path).absolute()
    if bundle.suffix.lower() != ".mrb":
        raise InputError(f"{path} is not the name of a Slicer scene bundle.", "Use a name that ends with .mrb.")
    return bundle


def _refuse_bare(scene: slicer.vtkMRMLScene) -> None:
    if scene.GetDataIOManager() is None or scene.GetCacheManager() is None:
        raise InputError("This scene can neither read nor write bundles.", "Give it a cache manager and a data manager.")


def _refuse_loss(scene: slicer.vtkMRMLScene) -> None:
    """Refuse lines and angles in a scene that does not know their files: it would write the nodes without their points."""
    if scene.GetNumberOfNodesByClass("vtkMRMLMarkupsNode") and not scene.IsNodeClassRegistered("vtkMRMLMarkupsJsonStorageNode"):
        raise OutputError(
            "This scene cannot write lines and angles, so the bundle would lose them.", "Give the scene a markups logic."
        )


def _refuse_broken(source: Path) -> None:
    if not source.is_file():
        raise InputError(f"There is no file {source}.")
    try:
        with zipfile.ZipFile(source) as archive:
            names = [PurePosixPath(name) for name in archive.namelist()]
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"{source} is not a Slicer scene bundle.", "Choose a .mrb file.") from error
    if damaged is not None or not any(name.suffix == ".mrml" for name in names):
        raise InputError(f"{source} is damaged or holds no scene.", "Choose another .mrb file.")
    if any(name.is_absolute() or ".." in name.parts for name in names):
        raise InputError(f"{source} holds files that would be written elsewhere, so it is not opened.")
