"""A study's file harmonized into another file, with what is to say about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spinemr.harmonization.harmonize import Harmonized, harmonize
from spinemr.harmonization.method import Method
from spinemr.imaging.atomic import write_json_atomic
from spinemr.imaging.files import read_image, write_image
from spinemr.imaging.progress import Progress, ProgressCallback, silent, within
from spinemr.imaging.provenance import Provenance, Stopwatch, sidecar_of, without_place

TOOL = "spinemr harmonize"


def harmonize_file(
    image: Path, output: Path, method: Method, *, strength: float = 1.0, target: str | None = None, command: Sequence[str] = (),
    progress: ProgressCallback = silent,
) -> Harmonized:  # fmt: skip
    """Harmonize an image into ``output``, with a .json of the same name beside it; ``target`` is what the method came from."""
    watch = Stopwatch()
    with watch.phase("read"):
        volume = read_image(image, progress=within(progress, 0.0, 0.2))
    with watch.phase("harmonize"):
        found = harmonize(volume, method, strength=strength, progress=within(progress, 0.2, 0.9))
    with watch.phase("write"):
        write_image(found.image, output)
    inputs = {"IMAGE": image}
    if target is not None and Path(target).exists():
        command = without_place(command, Path(target), "TARGET")
        inputs |= {"TARGET": Path(target)} if Path(target).is_file() else {}
    _write_sidecar(found, method, inputs, output, command, watch.seconds)
    progress(Progress("write", 1.0, "Done"))
    return found


def _write_sidecar(
    found: Harmonized, method: Method, inputs: dict[str, Path], output: Path, command: Sequence[str], seconds: dict[str, float]
) -> None:
    state = dict(found.details.get("chosen") or method.as_dict())
    made = Provenance.of(
        TOOL,
        command=command,
        parameters={"method": state, "strength": found.strength},
        inputs=inputs,
        models={str(state["model"]): str(state["sha256"])} if "sha256" in state else {},
        seconds=seconds,
    )
    content: dict[str, Any] = {"method": found.method, "units": found.units, "strength": found.strength}
    if found.notes:
        content["notes"] = list(found.notes)
    content |= {name: value for name, value in found.details.items() if name != "chosen"}
    write_json_atomic({**content, "provenance": made.as_dict()}, sidecar_of(output))
