"""A cohort from its studies to its tables and report. Dask schedules; what is finished is told by folders alone."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from spinemr.cohort.cohort_folder import FORMAT, TOOL, CohortFolder, cohort_folder, remove_folder
from spinemr.cohort.crew import Crew, gone, lost_sentence, open_crew
from spinemr.cohort.finding import find_studies
from spinemr.cohort.needed import RUNNING, need
from spinemr.cohort.options import CohortOptions
from spinemr.cohort.outcome import Cause, End, StudyFailure, StudyOutcome
from spinemr.cohort.pace import Pace
from spinemr.cohort.report import write_report
from spinemr.cohort.rows import STAGE_FAILED
from spinemr.cohort.study import Study
from spinemr.cohort.tables import read_columns, write_tables
from spinemr.cohort.task import Place, do_study
from spinemr.imaging.errors import ImagingWarning, OutputError, SpineMRError
from spinemr.imaging.progress import Progress, ProgressCallback, silent, within
from spinemr.imaging.provenance import Provenance

FIND_SHARE, COLLECT_SHARE = 0.01, 0.05
"""Of the whole, as progress counts it."""
_AHEAD, _LEAST_AHEAD = 4, 32
"""Studies that wait at the scheduler for each thread of the cluster: enough that none idles, few enough to let go of quickly."""
_LOOK_S, _ALONE_S = 10.0, 600.0
"""How often to look after the workers, and how long ours may all be missing."""


@dataclass(frozen=True)
class CohortResult:
    """How a cohort ended."""

    folder: Path
    studies: int
    finished: int
    failed: int
    """Studies that have no folder."""
    resumed: int
    """Finished by an earlier run."""
    left_out: int
    incomplete: int = 0
    """Finished, but for a stage that failed."""
    outcomes: tuple[StudyOutcome, ...] = ()
    """Of this run."""


def run_cohort(
    place: Path, target: Path, options: CohortOptions, crew: Crew, *, resume: bool = False, command: Sequence[str] = (),
    progress: ProgressCallback = silent,
) -> CohortResult:  # fmt: skip
    """Find the studies of ``place``, run each that is not finished yet, and write tables and report into ``target``.

    Whatever stops it, finished studies stay and nothing half-done does; with ``resume`` it goes on where it was.
    """
    need(RUNNING)
    with cohort_folder(target.absolute(), _about(options, command), resume=resume) as folder:
        found = find_studies(place, folder.pseudonyms, within(progress, 0.0, FIND_SHARE))
        ready = folder.finished()
        todo = [study for study in found.studies if study.id not in ready]
        pace = Pace(len(found.studies), len(found.studies) - len(todo))
        inner = within(progress, FIND_SHARE, 1 - COLLECT_SHARE)
        outcomes = _all_done(todo, options, crew, folder, pace, inner)
        known = {study.id: study for study in found.studies}
        write_tables(folder.root, known, progress=within(progress, 1 - COLLECT_SHARE, 0.98))
        write_report(folder.root, progress=within(progress, 0.98, 1.0))
        finished = len(folder.finished() & known.keys())
        states = zip(*read_columns(folder.root, "studies", ["case", "state"]).values(), strict=True)
        incomplete = sum(state == STAGE_FAILED for case, state in states if case in known)
    progress(Progress("report", 1.0, "Done"))
    resumed = len(found.studies) - len(todo)
    missing = len(found.studies) - finished
    return CohortResult(target, len(found.studies), finished, missing, resumed, found.left_out, incomplete, tuple(outcomes))


def _about(options: CohortOptions, command: Sequence[str]) -> dict[str, Any]:
    """The content of cohort.json: options, versions and command; no paths, no names."""
    made = Provenance.of(TOOL, command=command[:2]).as_dict()
    return {"tool": TOOL, "format": FORMAT, "options": options.described(), "made": made}


def _all_done(
    todo: list[Study], options: CohortOptions, crew: Crew, folder: CohortFolder, pace: Pace, progress: ProgressCallback
) -> list[StudyOutcome]:
    outcomes: list[StudyOutcome] = []
    if not todo:
        return outcomes
    studies = {study.id: study for study in todo}
    progress(Progress("studies", pace.share, f"Starting workers; {pace.told()}"))
    with open_crew(crew, len(todo), folder.work / "dask") as client:
        try:
            for outcome in _outcomes(client, todo, options, Place(folder.studies, folder.work), crew):
                outcomes.append(outcome)
                _note(folder, studies[outcome.study], outcome)
                pace.ended(failed=outcome.end is End.FAILED)
                progress(Progress("studies", pace.share, pace.told()))
        except BaseException:
            remove_folder(folder.work)  # tells tasks that nobody waits for them any more
            if pace.before + pace.done > pace.failed:
                warnings.warn("What is finished stays: go on with --resume.", ImagingWarning, stacklevel=2)
            raise
    return outcomes


def _outcomes(
    client: Any,  # noqa: ANN401 - distributed is not typed
    todo: Sequence[Study],
    options: CohortOptions,
    place: Place,
    crew: Crew,
) -> Iterator[StudyOutcome]:
    """What became of each study, in the order they end; always a few more are at the scheduler than can be worked on."""
    from distributed import wait
    from distributed.comm.core import CommClosedError

    waiting = iter(todo)
    futures: dict[Any, Study] = {}
    present = time.monotonic()
    try:
        while True:
            threads = sum(client.nthreads().values())
            present = time.monotonic() if threads else present
            for study in islice(waiting, max(0, max(_LEAST_AHEAD, _AHEAD * threads) - len(futures))):
                # Options (1 kB) go with each task: what one worker keeps is lost with it, and all tasks that need it, too.
                futures[client.submit(do_study, study, options, place, key=f"study-{study.id}", pure=False)] = study
            if not futures:
                return
            if not crew.scheduler and time.monotonic() - present > _ALONE_S:
                raise gone(crew.scheduler)
            with suppress(TimeoutError), client.as_current():
                wait(list(futures), timeout=_LOOK_S, return_when="FIRST_COMPLETED")
            for future in [one for one in futures if one.done()]:
                with suppress(TimeoutError):  # its result went away with its worker: it is done again
                    outcome = _outcome(future, futures[future], crew)
                    del futures[future]
                    yield outcome
    except (CommClosedError, CancelledError) as error:
        raise gone(crew.scheduler) from error
    finally:
        with suppress(Exception):  # the cluster may be gone
            client.cancel(list(futures), force=True)


def _outcome(future: Any, study: Study, crew: Crew) -> StudyOutcome:  # noqa: ANN401
    """The result of a task; a lost worker is a failure of its study, everything else that Dask raises is one of the cluster."""
    from distributed import KilledWorker

    if future.status == "finished":
        outcome: StudyOutcome = future.result(timeout=_LOOK_S)
        if outcome.end is End.HOPELESS:
            raise OutputError(outcome.sentence)
        if outcome.end is End.STOPPED:
            raise OutputError("The folder of work in progress was removed.", "Go on with --resume.")
        return outcome
    error = future.exception(timeout=_LOOK_S) if future.status == "error" else None
    if isinstance(error, KilledWorker):
        return StudyOutcome(study.id, End.FAILED, (StudyFailure("read", Cause.WORKER, lost_sentence()),))
    if error is None:
        raise gone(crew.scheduler)
    hint = "Workers need the same version of SpineMR, with its packages."
    raise SpineMRError(f"The workers cannot run studies ({type(error).__name__}).", hint)


def _note(folder: CohortFolder, study: Study, outcome: StudyOutcome) -> None:
    if outcome.end is End.FINISHED:
        folder.forget_failures(study.id)
        return
    about = {"id": study.id, "scanner": study.scanner, "group": study.group, "subject": study.subject}
    folder.note_failures(study.id, [failure.as_dict() for failure in outcome.failures], about)
