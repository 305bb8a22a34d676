"""``spinemr segment``: named discs, vertebrae, canal and sacrum of one study or of a folder of them."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spinemr.cli.consoles import messages
from spinemr.cli.label_scheme import LabelScheme
from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown
from spinemr.cli.session import command_line
from spinemr.imaging.errors import InputError, SpineMRError

if TYPE_CHECKING:
    from spinemr.imaging.progress import ProgressCallback
    from spinemr.pipeline.segment_file import SegmentWishes
    from spinemr.segmentation.inference.model import OpenModel
    from spinemr.segmentation.inference.segment import Segmentation

FOLDER_RESULT = ".nii.gz"


class Device(str, Enum):
    """What a network runs on."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


class Precision(str, Enum):
    """What a network calculates with."""

    AUTO = "auto"
    FP32 = "fp32"
    INT8 = "int8"


def command(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An image, a DICOM folder, or a folder of images.")],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="OUT", help=".nii.gz, .nrrd, .mha or .seg.nrrd; a folder for a folder of images."),
    ],
    model: Annotated[
        str, typer.Option(metavar="NAME", help="A model (spinemr models), or the path of a .card.json.")
    ] = "balanced",
    device: Annotated[Device, typer.Option(metavar="WHERE", help="auto, cpu, cuda or mps.")] = Device.AUTO,
    precision: Annotated[
        Precision, typer.Option(metavar="BITS", help="fp32, int8 (where the model has it), or auto: int8 where it gains.")
    ] = Precision.AUTO,
    labels: Annotated[
        LabelScheme, typer.Option(metavar="SCHEME", help="Whose numbers to write: verse, spider or totalspineseg.")
    ] = LabelScheme.VERSE,
    parts: Annotated[
        bool, typer.Option("--parts/--no-parts", help="Tell vertebral bodies and posterior elements apart.")
    ] = False,
    shift: Annotated[int, typer.Option(min=-3, max=3, metavar="N", help="Move all levels down by N (up: -N).")] = 0,
    flip_average: Annotated[
        bool, typer.Option("--flip-average", help="Look at each slice mirrored too: slower, a little better.")
    ] = False,
    spacing: Annotated[
        str | None,
        typer.Option(metavar="X,Y[,Z]", help="Voxel spacing in mm where the file has none (pictures).", show_default=False),
    ] = None,
    series: Annotated[str | None, typer.Option(metavar="N", help="Which series of a DICOM folder.", show_default=False)] = None,
    measurements: Annotated[
        bool,
        typer.Option(
            "--measurements", help="Also write OUT.csv: heights, angles, slips, canal depth by level, in mm and degrees."
        ),
    ] = False,
    progress: ProgressOption = ProgressMode.AUTO,
) -> None:
    """Segment lumbar MRI of any contrast and orientation.

    The result lies on the image's own grid; OUT.json beside it says what was
    found, how sure that is, and how it was made. Levels are counted from the
    sacrum and could be shifted by one: look at them, and use --shift.

    Not a medical device.

    Example: [bold]spinemr segment study.nii.gz -o study_labels.seg.nrrd[/bold]

    Example: [bold]spinemr segment dicom_folder -o labels.nii.gz --parts --device cpu[/bold]
    """
    from spinemr.pipeline.segment_file import SegmentWishes, segment_file
    from spinemr.segmentation.inference.model import open_model

    wishes = SegmentWishes(labels.value, parts, shift, flip_average, spacing_of(spacing), series, measurements)
    studies = _images_in(image)
    with shown(progress) as report:
        opened = open_model(model, device.value, precision=precision.value)
        if studies is None:
            found = segment_file(image, output, opened, wishes, command=command_line(), progress=report)
            lines = _told(found, output)
        else:
            lines = _segment_folder(studies, output, opened, wishes, report)
    if progress is not ProgressMode.JSON:
        for line in lines:
            typer.echo(line)


def spacing_of(text: str | None) -> tuple[float, ...] | None:
    """The numbers of ``--spacing``."""
    if text is None:
        return None
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) not in (2, 3):
        raise InputError(f"'{text}' is no spacing.", "Give two or three numbers in mm, as in --spacing 0.7,0.7")
    return numbers


def _images_in(place: Path) -> list[Path] | None:
    """The volumes of a folder that is not a DICOM folder; ``None`` for one study."""
    from spinemr.imaging.formats import Format, format_of

    kinds = (Format.NIFTI, Format.NRRD, Format.META, Format.PICTURE)
    try:
        entries = list(place.iterdir()) if place.is_dir() else []
        return sorted(path for path in entries if path.is_file() and format_of(path) in kinds) or None
    except OSError:  # whoever reads it says why
        return None


def _told(found: Segmentation, output: Path) -> list[str]:
    """What a person wants to know at once."""
    report = found.report
    confident = f"levels counted from the {report.counted_from}, confidence {report.level_confidence:.2f}"
    return [f"{len(report.structures)} structures in {output} ({confident})", *report.flags]


def _segment_folder(
    studies: list[Path], folder: Path, model: OpenModel, wishes: SegmentWishes, progress: ProgressCallback
) -> list[str]:
    """Each image of a folder; one that cannot be segmented is named, and the others go on."""
    from spinemr.imaging.errors import Cancelled
    from spinemr.imaging.formats import split_suffix
    from spinemr.imaging.progress import within
    from spinemr.pipeline.segment_file import segment_file

    failed = 0
    for index, study in enumerate(studies):
        part = within(progress, index / len(studies), (index + 1) / len(studies))
        try:
            target = folder / f"{split_suffix(study)[0]}{FOLDER_RESULT}"
            segment_file(study, target, model, wishes, command=command_line(), progress=part)
        except Cancelled:
            raise
        except SpineMRError as error:
            failed += 1
            messages().print(f"{study.name}: {error}", markup=False, highlight=False)
    if failed:
        raise InputError(f"{failed} of {len(studies)} images were not segmented.", "Their reasons stand above.")
    return [f"{len(studies)} segmentations in {folder}"]
