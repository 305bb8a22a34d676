"""One study on a worker: everything is made out of sight and put in place by one rename.

A task never raises: Dask would write its arguments, and with them paths, into the worker's log.
"""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from spinemr.cohort.fetching import local_image
from spinemr.cohort.options import CohortOptions
from spinemr.cohort.outcome import Cause, End, StudyFailure, StudyOutcome
from spinemr.cohort.process_memory import memory_mb
from spinemr.cohort.reasons import anonymous_reason
from spinemr.cohort.record import write_record
from spinemr.cohort.study import Study
from spinemr.imaging.atomic import write_error
from spinemr.imaging.errors import Cancelled, OutputError, SpineMRError
from spinemr.imaging.progress import Progress
from spinemr.pipeline.request import CaseRequest, Tools, open_tools
from spinemr.pipeline.result import CaseResult
from spinemr.pipeline.results_folder import HARMONIZED, LABELS, SEGMENTS, SOURCE
from spinemr.pipeline.run import run_case
from spinemr.pipeline.speaking import explained
from spinemr.pipeline.writing import write_case

COMMAND = ("spinemr", "cohort")
_LOOK_S = 0.2
"""How often a task looks whether its run still wants it."""
_LEFT_OUT = {"all": (), "labels": (SOURCE, HARMONIZED), "tables": (SOURCE, HARMONIZED, LABELS, SEGMENTS)}


@dataclass(frozen=True)
class Place:
    """Where results go, and where work in progress lies; both have to be seen from every worker."""

    studies: Path
    work: Path


class _NoToolsError(Exception):
    """The model or the method cannot be opened: a reason for every study, not for this one."""


class _Worker:
    """What a worker process keeps from study to study: open tools, and a lock, as libraries below hold state of their own."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._options: CohortOptions | None = None
        self._tools: Tools | None = None

    def tools(self, options: CohortOptions, request: CaseRequest) -> Tools:
        """Opened for the first study and kept while options stay the same."""
        if self._tools is None or self._options != options:
            try:
                self._tools, self._options = open_tools(request), options
            except SpineMRError as error:
                raise _NoToolsError(str(error)) from error
        return self._tools


_worker = _Worker()


def do_study(study: Study, options: CohortOptions, place: Place) -> StudyOutcome:
    """Work on one study; says how it ended whatever happens."""
    begun = time.perf_counter()
    with _worker.lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is to be told of a study stands in its qc.json
        outcome = _done(study, options, place)
    now, peak = memory_mb()
    seconds = time.perf_counter() - begun
    return replace(outcome, seconds=seconds, memory_mb=now, peak_mb=peak, process=f"{platform.node()}:{os.getpid()}")


def _done(study: Study, options: CohortOptions, place: Place) -> StudyOutcome:
    if (place.studies / study.id).is_dir():
        return StudyOutcome(study.id, End.FINISHED)
    if not place.studies.is_dir():
        return _ended(study, End.HOPELESS, "write", f"A worker cannot see {place.studies}: all have to share that folder.")
    staging = place.work / f"{study.id}-{secrets.token_hex(4)}"
    try:
        staging.mkdir()
        return _worked(study, options, place, staging)
    except Exception as error:
        if isinstance(error, Cancelled) or not place.work.is_dir():
            return StudyOutcome(study.id, End.STOPPED)
        return _explained(error, study, options.request(study, Path(study.path)), place, staging)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _worked(study: Study, options: CohortOptions, place: Place, staging: Path) -> StudyOutcome:
    """All stages, the files, and the rename; raises what went wrong before there was an image."""
    begun = time.perf_counter()
    request = options.request(study, local_image(study, staging))
    tools = _worker.tools(options, request)
    result = run_case(request, tools, command=COMMAND, progress=_stopping(place.work))
    results = staging / "results"
    results.mkdir()
    result = write_case(result, results)
    if "write" in result.failed:
        raise OutputError(result.failed["write"].sentence.replace(str(results), str(place.studies)))
    for name in _LEFT_OUT[options.keep]:
        (results / name).unlink(missing_ok=True)
    write_record(study, result, results, seconds=time.perf_counter() - begun, peak_mb=memory_mb()[1])
    _put_in_place(results, place.studies / study.id)
    return StudyOutcome(study.id, End.FINISHED, tuple(_stage_failures(result)))


def _stage_failures(result: CaseResult) -> list[StudyFailure]:
    found = []
    for name, stage in result.failed.items():
        cause = Cause.STAGE if isinstance(stage.error, SpineMRError) else Cause.SOFTWARE
        found.append(StudyFailure(name, Cause.MEMORY if isinstance(stage.error, MemoryError) else cause, stage.sentence))
    return found


def _put_in_place(results: Path, target: Path) -> None:
    """On the disk first, then under its name: so that what has its name is whole even after a power cut."""
    for path in (*results.iterdir(), results):
        with suppress(OSError):  # not every system syncs folders
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    try:
        results.rename(target)
    except OSError:
        if not target.is_dir():  # somebody else was faster
            raise


def _stopping(work: Path) -> Callable[[Progress], None]:
    """Progress that ends the study once the run's own folder is gone."""
    looked = 0.0

    def report(_: Progress) -> None:
        nonlocal looked
        now = time.monotonic()
        if now - looked > _LOOK_S:
            looked = now
            if not work.is_dir():
                raise Cancelled

    return report


def _explained(error: Exception, study: Study, request: CaseRequest, place: Place, staging: Path) -> StudyOutcome:
    if isinstance(error, _NoToolsError):
        return _ended(study, End.HOPELESS, "open", str(error))
    if isinstance(error, OutputError):
        return _ended(study, End.HOPELESS, "write", str(error))
    if isinstance(error, OSError):
        return _ended(study, End.HOPELESS, "write", str(write_error(place.studies, error)))
    sentence = explained(error).sentence
    if isinstance(error, SpineMRError):
        return _ended(study, End.FAILED, "read", anonymous_reason(sentence, study, request, staging))
    cause = Cause.MEMORY if isinstance(error, MemoryError) else Cause.SOFTWARE
    return _ended(study, End.FAILED, "read", sentence, cause)


def _ended(study: Study, end: End, stage: str, sentence: str, cause: Cause = Cause.DATA) -> StudyOutcome:
    return StudyOutcome(study.id, end, (StudyFailure(stage, cause, sentence),))
