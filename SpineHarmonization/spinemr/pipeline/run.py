"""A case from its image to its report: every stage after the other, each timed, none able to take the others down.

A stage that fails is noted, and those that do not need what it would have made go on. What cannot be read is an error at
once: nothing would come of it. Cancelling leaves nothing behind.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from spinemr.imaging.errors import Cancelled, SpineMRError
from spinemr.imaging.files import read_image
from spinemr.imaging.progress import Progress, ProgressCallback, silent, within
from spinemr.imaging.provenance import without_place
from spinemr.pipeline.judging import unjudged
from spinemr.pipeline.notes import noted
from spinemr.pipeline.origin import FOLDER, case_provenance, unnamed
from spinemr.pipeline.request import CaseRequest, Tools, open_tools
from spinemr.pipeline.result import TITLES, CaseResult, StageState
from spinemr.pipeline.results_folder import results_folder
from spinemr.pipeline.speaking import NO_MEMORY
from spinemr.pipeline.stages import STAGES, Stage
from spinemr.pipeline.writing import write_case

READ_SHARE, WRITE_SHARE = 0.05, 0.05
"""Of the time of a case; the stages between share the rest."""


def run_case(
    request: CaseRequest, tools: Tools | None = None, *, command: Sequence[str] = (), progress: ProgressCallback = silent
) -> CaseResult:
    """Run all stages and keep the results in memory.

    ``tools`` are those of :func:`~spinemr.pipeline.request.open_tools`, to be used for many cases. What cannot be read raises
    its error; everything later ends in :attr:`CaseResult.stages`, but :class:`Cancelled`.
    """
    result, ready = _read(request, tools, command, within(progress, 0.0, READ_SHARE, "read"))
    start, left = READ_SHARE, 1.0 - READ_SHARE - WRITE_SHARE
    whole = sum(stage.share for stage in STAGES)
    for stage in STAGES:
        stop = start + left * stage.share / whole
        result = _after(stage, result, ready, within(progress, start, stop, stage.name))
        start = stop
    return result


def run_case_into(
    request: CaseRequest,
    folder: Path,
    tools: Tools | None = None,
    *,
    command: Sequence[str] = (),
    progress: ProgressCallback = silent,
) -> CaseResult:
    """Run all stages and write what they made into a folder, which is looked at before work starts."""
    with results_folder(folder, request) as staging:
        result = run_case(request, tools, command=without_place(command, folder, FOLDER), progress=progress)
        result = write_case(result, staging, within(progress, 1.0 - WRITE_SHARE, 1.0, "write"))
        progress(Progress("write", 1.0, "Done"))
    return result


def _read(
    request: CaseRequest, tools: Tools | None, command: Sequence[str], progress: ProgressCallback
) -> tuple[CaseResult, Tools]:
    """The image, method and model: everything that comes from outside."""
    notes: list[str] = []
    begun = time.perf_counter()
    progress(Progress("read", 0.0, TITLES["read"]))
    with noted(notes):
        source = read_image(
            request.image, spacing_mm=request.spacing_mm, series=request.series, progress=within(progress, 0.0, 0.5)
        )
        ready = tools or open_tools(request, progress=within(progress, 0.5, 1.0))
        made = case_provenance(request, ready, command)
    state = StageState("done", seconds=time.perf_counter() - begun)
    told = tuple(unnamed(note, request) for note in notes)
    return CaseResult(request, source, made, notes=told).with_stage("read", state), ready


def _after(stage: Stage, result: CaseResult, tools: Tools, progress: ProgressCallback) -> CaseResult:
    """The result after one more stage."""
    if reason := stage.needs(result):
        return result.with_stage(stage.name, StageState("skipped", reason))
    notes: list[str] = []
    begun = time.perf_counter()
    progress(Progress(stage.name, 0.0, TITLES[stage.name]))
    try:
        with noted(notes):
            result = stage.work(result, tools, progress)
        progress(Progress(stage.name, 1.0, TITLES[stage.name]))
        state = StageState("done", seconds=time.perf_counter() - begun)
    except Cancelled:
        raise
    except Exception as error:
        state = StageState("failed", _sentence(error), time.perf_counter() - begun, error)
        if stage.name == "judge":
            result = replace(result, verdict=unjudged(state.sentence))
    return replace(result, notes=(*result.notes, *notes)).with_stage(stage.name, state)


def _sentence(error: Exception) -> str:
    if isinstance(error, SpineMRError):
        return str(error)
    if isinstance(error, MemoryError):
        return NO_MEMORY
    return f"Internal error ({type(error).__name__}); please report it."  # its text may quote what stands in a file
