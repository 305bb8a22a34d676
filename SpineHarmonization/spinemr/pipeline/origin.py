"""Where the results of a case come from, said without names of files and folders: those may be names of patients."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from spinemr.imaging.provenance import Provenance, without_place
from spinemr.pipeline.request import CaseRequest, Tools
from spinemr.pipeline.result import CaseResult
from spinemr.pipeline.results_folder import TOOL

IMAGE, TARGET, FOLDER = "IMAGE", "TARGET", "DIR"
"""Stand for the image, the target and the folder of the results."""


def case_provenance(request: CaseRequest, tools: Tools, command: Sequence[str]) -> Provenance:
    """What a case was made of: digests of its files, method, model, every parameter and the versions."""
    target = request.target_path
    method = None if tools.method is None else tools.method.as_dict()
    parameters = {**request.as_dict(), "method": method, "settings": asdict(request.settings)}
    used = {"device": tools.model.runtime.device, "precision": tools.model.precision}
    return Provenance.of(
        TOOL,
        command=command if target is None else without_place(command, target, TARGET),
        parameters=parameters | used | ({} if target is None else {"target": TARGET}),
        inputs={IMAGE: request.image} if target is None or target.is_dir() else {IMAGE: request.image, TARGET: target},
        models={tools.model.card.name: tools.model.sha256},
    )


def final_provenance(result: CaseResult) -> Provenance:
    """What a case was made of, with the network that harmonized it (chosen by the image, maybe) and the seconds of each stage."""
    made = result.provenance
    chosen = None if result.harmonized is None else result.harmonized.details.get("chosen")
    network = chosen or made.parameters.get("method")
    models = dict(made.models)
    if isinstance(network, Mapping) and {"model", "sha256"} <= network.keys():
        models[str(network["model"])] = str(network["sha256"])
    return replace(made, models=models, seconds={name: round(stage.seconds, 3) for name, stage in result.stages.items()})


def unnamed(note: str, request: CaseRequest) -> str:
    """A note on what was read, without the name of its file."""
    for place in (request.image, request.target_path):
        if place is None:
            continue
        for path in _in(place):
            if note.startswith((f"{path} ", f"{path.name} ")):
                note = "An image" + note.removeprefix(str(path)).removeprefix(path.name)
        for text in (str(place), place.name):
            if text.strip(".\\/"):
                note = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", "the image", note)
    return note[:1].upper() + note[1:]


def _in(place: Path) -> Iterator[Path]:
    return (path for path in place.rglob("*") if path.is_file()) if place.is_dir() else iter(())
