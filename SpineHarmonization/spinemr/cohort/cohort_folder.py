"""The folder of a cohort: who may write there, what is finished, what failed, and where work in progress lies.

``studies/<id>`` is a finished study, put in place by one rename. ``.cohort`` holds the rest of what going on needs: the lock,
the key of the ids, failures, and one folder of work in progress, which is of no use once its run has ended.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spinemr.cohort.lock import only_run
from spinemr.cohort.pseudonyms import Pseudonyms, pseudonyms_in
from spinemr.cohort.study import is_id
from spinemr.imaging.atomic import write_error, write_json_atomic
from spinemr.imaging.errors import InputError, OutputError
from spinemr.imaging.plain_files import json_of, text_of

TOOL, FORMAT = "spinemr cohort", 1
HIDDEN = ".cohort"
STUDIES, ABOUT, REPORT, STUDY = "studies", "cohort.json", "report.html", "study.json"
LOCK, KEY, _FAILED = "lock", "key", "failed"
_WORK = "work-"


@dataclass(frozen=True)
class CohortFolder:
    """A folder that this run alone may write to."""

    root: Path
    work: Path
    """Of this run alone; a task that does not find it any more stops."""

    @property
    def studies(self) -> Path:
        """Where finished studies lie."""
        return self.root / STUDIES

    @property
    def pseudonyms(self) -> Pseudonyms:
        """What names studies without names."""
        return pseudonyms_in(self.root / HIDDEN / KEY)

    def finished(self) -> set[str]:
        """The ids of all finished studies."""
        return finished_in(self.root)

    def note_failures(self, study: str, failures: list[dict[str, str]], about: Mapping[str, str]) -> None:
        """Keep why a study has no folder; tables tell of it until it has one."""
        write_json_atomic({**about, "failures": failures}, self._failed(study))

    def forget_failures(self, study: str) -> None:
        """A study is finished after all."""
        self._failed(study).unlink(missing_ok=True)

    def _failed(self, study: str) -> Path:
        return self.root / HIDDEN / _FAILED / f"{study}.json"


@contextmanager
def cohort_folder(root: Path, about: Mapping[str, Any], *, resume: bool) -> Iterator[CohortFolder]:
    """The folder, locked, once nothing speaks against writing there.

    A folder of another cohort, of one started with other options, or (without ``resume``) of this one is refused. Where nothing
    was finished the folder vanishes again.
    """
    new = not (root / HIDDEN).exists()
    made = _prepared(root)
    try:
        with only_run(root / HIDDEN / LOCK, root):
            _check(root, about, resume)
            work = _fresh_work(root)
            try:
                write_json_atomic(about, root / ABOUT)
                yield CohortFolder(root, work)
            finally:
                remove_folder(work)
                if new and not finished_in(root) and not failed_in(root):
                    _vanish(root)
    finally:
        for folder in reversed(made):
            with suppress(OSError):  # something lies there: as it should
                folder.rmdir()


def finished_in(root: Path) -> set[str]:
    """The ids of the studies whose folders are in place."""
    with suppress(OSError):
        return {entry.name for entry in os.scandir(root / STUDIES) if entry.is_dir() and is_id(entry.name)}
    return set()


def failed_in(root: Path) -> list[dict[str, Any]]:
    """What was noted of studies that have no folder, by id."""
    place = root / HIDDEN / _FAILED
    paths = sorted(place.glob("*.json")) if place.is_dir() else []
    return [_noted(path) for path in paths if not path.name.startswith(".")]


def _noted(path: Path) -> dict[str, Any]:
    try:
        noted = json_of(text_of(path))
        told = [noted[name] for name in ("id", "scanner", "group", "subject")]
        told += [failure[name] for failure in noted["failures"] for name in ("stage", "cause", "sentence")]
        if noted["id"] == path.stem and all(isinstance(text, str) for text in told):
            return dict(noted)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        pass
    raise InputError(f"{HIDDEN}/{_FAILED}/{path.name} is damaged.", "Remove it and go on with --resume.")


def about_cohort(root: Path) -> dict[str, Any]:
    """What a cohort says of itself; :class:`InputError` where a folder holds none."""
    try:
        content = json_of(text_of(root / ABOUT))
        if content["tool"] == TOOL and content["format"] == FORMAT and isinstance(content["options"], dict):
            return dict(content)
    except (OSError, ValueError, LookupError, TypeError):
        pass
    raise InputError(f"{root} holds no cohort.", "Give the folder that spinemr cohort wrote to.")


def remove_folder(folder: Path) -> None:
    """Remove a folder in which somebody may still be writing."""
    for _ in range(5):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


def _prepared(root: Path) -> list[Path]:
    """The folder with its hidden one; what was made for it, outermost first."""
    if root.exists() and not root.is_dir():
        raise OutputError(f"Cannot write into {root}: it is a file, not a folder.", "Choose another name.")
    if root.is_dir() and not (root / HIDDEN).is_dir() and any(root.iterdir()):
        raise OutputError(f"The folder {root} is not empty.", "Choose another one for the results of a cohort.")
    made: list[Path] = []
    try:
        for folder in [folder for folder in (root, *root.absolute().parents) if not folder.exists()][::-1]:
            folder.mkdir(exist_ok=True)
            made.append(folder)
        for folder in (root / HIDDEN, root / HIDDEN / _FAILED, root / STUDIES):
            folder.mkdir(exist_ok=True)
    except OSError as error:
        raise write_error(root, error) from error
    return made


def _check(root: Path, about: Mapping[str, Any], resume: bool) -> None:
    if not (root / ABOUT).exists():
        return
    if not resume:
        raise OutputError(f"{root} holds a cohort already.", "Go on with --resume, or choose another folder.")
    before = about_cohort(root)["options"]
    now = json.loads(json.dumps(about["options"]))
    other = sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
    if other:
        raise InputError(
            f"The cohort in {root} was started with another {' and '.join(other[:3])}.",
            "Go on with the same options, or choose another folder.",
        )


def _fresh_work(root: Path) -> Path:
    """A folder for work in progress; what killed runs left is removed."""
    for left in (root / HIDDEN).glob(f"{_WORK}*"):
        remove_folder(left)
    work = root / HIDDEN / f"{_WORK}{secrets.token_hex(6)}"
    try:
        work.mkdir()
    except OSError as error:
        raise write_error(work, error) from error
    return work


def _vanish(root: Path) -> None:
    """Take away what a run made that finished nothing."""
    (root / ABOUT).unlink(missing_ok=True)
    shutil.rmtree(root / HIDDEN, ignore_errors=True)
    with suppress(OSError):
        (root / STUDIES).rmdir()
