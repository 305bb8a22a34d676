"""Folders of results appear whole or not at all: filled beside their place under another name, then renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spinemr.imaging.atomic import write_error
from spinemr.imaging.errors import OutputError
from spinemr.imaging.leftovers import REPLACED, remove_leftovers, temporary_name


@contextmanager
def staged_folder(target: str | os.PathLike[str], *, replaceable: Callable[[Path], bool] | None = None) -> Iterator[Path]:
    """An empty folder to write to that becomes ``target`` when the block ends well and vanishes when it does not.

    A target that holds anything is refused, unless ``replaceable`` is given and true for each of its entries: then the new folder
    takes its place, and only once that is complete.
    """
    final = Path(os.path.realpath(target))  # Path.resolve raises where links lead in a circle
    parents: list[Path] = []
    staging = final.parent / temporary_name()
    try:
        remove_leftovers(final.parent)
        _refuse_filled(final, Path(target), replaceable)
        for folder in [folder for folder in final.parents if not folder.exists()][::-1]:
            folder.mkdir()
            parents.append(folder)
        staging.mkdir()
        yield staging
        _swap(staging, final)
    except BaseException as error:
        shutil.rmtree(staging, ignore_errors=True)
        for folder in reversed(parents):
            with suppress(OSError):  # somebody else may have put something there
                folder.rmdir()
        if isinstance(error, OSError):
            raise write_error(Path(target), error) from error
        raise


def _refuse_filled(final: Path, named: Path, replaceable: Callable[[Path], bool] | None) -> None:
    if not final.exists():
        return
    if not final.is_dir():
        raise OutputError(f"Cannot write into {named}: it is a file, not a folder.", "Choose another name.")
    entries = sorted(final.iterdir())
    if entries and replaceable is None:
        raise OutputError(f"The folder {named} is not empty.", "Choose another one, or replace its content with --force.")
    foreign = [entry.name for entry in entries if replaceable is not None and not replaceable(entry)]
    if foreign:
        raise OutputError(f"The folder {named} holds {foreign[0]}, which did not come from here.", "Choose another folder.")


def _swap(staging: Path, final: Path) -> None:
    """Put the new folder in place; an old one is moved aside first and comes back if that fails."""
    if not final.exists():
        staging.rename(final)
        return
    aside = final.parent / temporary_name(REPLACED)
    aside.mkdir()
    try:
        final.rename(aside / final.name)
        staging.rename(final)
    except BaseException:
        if not final.exists():
            (aside / final.name).rename(final)
        aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)
