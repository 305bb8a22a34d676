"""A study's file segmented into another file: labels, what is to say about them, and their measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from spinemr.imaging.atomic import write_json_atomic
from spinemr.imaging.files import read_image, write_labels
from spinemr.imaging.parts import united
from spinemr.imaging.progress import Progress, ProgressCallback, silent, within
from spinemr.imaging.provenance import Provenance, Stopwatch, sidecar_of
from spinemr.segmentation.inference.model import OpenModel
from spinemr.segmentation.inference.segment import Segmentation, segment
from spinemr.segmentation.measurements import measure_image

TOOL = "spinemr segment"


@dataclass(frozen=True)
class SegmentWishes:
    """How studies are segmented and written."""

    scheme: str = "verse"
    """Whose numbers the label map holds."""
    parts: bool = False
    """Whether posterior elements keep numbers of their own."""
    shift: int = 0
    flip_average: bool = False
    spacing_mm: tuple[float, ...] | None = None
    series: str | None = None
    measurements: bool = False
    """Whether a table of them is written, too."""


def segment_file(
    image: Path, output: Path, model: OpenModel, wishes: SegmentWishes, *, command: Sequence[str] = (),
    progress: ProgressCallback = silent,
) -> Segmentation:  # fmt: skip
    """Segment an image into ``output``, with a .json of the same name beside it, and a .csv of measurements where wanted."""
    watch = Stopwatch()
    with watch.phase("read"):
        volume = read_image(image, spacing_mm=wishes.spacing_mm, series=wishes.series, progress=within(progress, 0.0, 0.1))
    with watch.phase("segment"):
        found = segment(volume, model, shift=wishes.shift, flip_average=wishes.flip_average, progress=within(progress, 0.1, 0.95))
    with watch.phase("write"):
        write_labels(found.labels if wishes.parts else united(found.labels), output, scheme=wishes.scheme)
        if wishes.measurements:
            measure_image(found.labels).write_csv(sidecar_of(output).with_suffix(".csv"))
    made = Provenance.of(
        TOOL,
        command=command,
        parameters={**asdict(wishes), "device": model.runtime.device, "precision": model.precision},
        inputs={"IMAGE": image},
        models={model.card.name: model.sha256},
        seconds=watch.seconds,
    )
    write_json_atomic({**found.report.as_dict(), "provenance": made.as_dict()}, sidecar_of(output))
    progress(Progress("write", 1.0, "Done"))
    return found
