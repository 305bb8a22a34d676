"""``spinemr harmonize``: a study with the appearance of a reference, its anatomy untouched."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown
from spinemr.cli.session import command_line
from spinemr.imaging.errors import OutputError

if TYPE_CHECKING:
    from spinemr.harmonization.harmonize import Harmonized
    from spinemr.harmonization.method import Method
    from spinemr.imaging.progress import ProgressCallback


class MethodName(str, Enum):
    """The methods there are."""

    NYUL = "nyul"
    ZSCORE = "zscore"
    WHITESTRIPE = "whitestripe"
    HISTOGRAM = "histogram"


def command(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An image, or a DICOM folder.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help=".nii.gz, .nii, .nrrd, .mha or .mhd")],
    method: Annotated[
        MethodName | None,
        typer.Option(metavar="NAME", help="zscore, whitestripe, nyul or histogram; without it, that of TARGET, else zscore."),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option(
            metavar="TARGET",
            help="Whose appearance: a fitted method (.json), an image, or a folder of images.",
            show_default=False,
        ),
    ] = None,
    strength: Annotated[
        float, typer.Option(min=0.0, max=1.0, metavar="S", help="From 0 (the original) to 1 (all of the method).")
    ] = 1.0,
    save_fit: Annotated[
        Path | None,
        typer.Option(
            "--save-fit", metavar="FILE.json", help="Keep what was fitted on TARGET for other studies.", show_default=False
        ),
    ] = None,
    progress: ProgressOption = ProgressMode.AUTO,
) -> None:
    """Give a lumbar MRI the intensities of a reference.

    zscore and whitestripe need no reference; nyul takes its scale from a folder
    of images, histogram from one image. The result lies on the image's own grid;
    OUT.json beside it says what its numbers mean and how it was made.

    Not a medical device.

    Example: [bold]spinemr harmonize study.nii.gz -o harmonized.nii.gz --method whitestripe[/bold]

    Example: [bold]spinemr harmonize study.nii.gz -o out.nii.gz --method nyul --target clinic_a --save-fit clinic_a.json[/bold]

    Example: [bold]spinemr harmonize other.nii.gz -o out.nii.gz --target clinic_a.json[/bold]
    """
    from spinemr.harmonization.chosen import chosen_method
    from spinemr.harmonization.registry import write_method
    from spinemr.imaging.progress import within

    if save_fit is not None and save_fit.suffix.lower() != ".json":
        raise OutputError(f"Cannot write {save_fit}: a fitted method is JSON.", "Give a name that ends in .json.")
    with shown(progress) as report:
        ready = chosen_method(method.value if method else None, target, progress=within(report, 0.0, 0.3))
        found = _harmonize(image, output, ready, strength, target, within(report, 0.3, 1.0))
        if save_fit is not None:
            write_method(ready, save_fit)
    if progress is not ProgressMode.JSON:
        typer.echo(f"{output}: {found.method}, {found.units}")


def _harmonize(
    image: Path, output: Path, method: Method, strength: float, target: Path | None, progress: ProgressCallback
) -> Harmonized:
    from spinemr.harmonization.harmonize import harmonize
    from spinemr.imaging.files import read_image, write_image
    from spinemr.imaging.progress import Progress, within
    from spinemr.imaging.provenance import Stopwatch

    watch = Stopwatch()
    with watch.phase("read"):
        volume = read_image(image, progress=within(progress, 0.0, 0.2))
    with watch.phase("harmonize"):
        found = harmonize(volume, method, strength=strength, progress=within(progress, 0.2, 0.9))
    with watch.phase("write"):
        write_image(found.image, output)
    inputs = [image] if target is None or target.is_dir() else [image, target]
    _write_sidecar(found, method, inputs, output, watch.seconds)
    progress(Progress("write", 1.0, "Done"))
    return found


def _write_sidecar(found: Harmonized, method: Method, inputs: list[Path], output: Path, seconds: dict[str, float]) -> None:
    from spinemr.imaging.atomic import write_json_atomic
    from spinemr.imaging.provenance import Provenance, sidecar_of

    made = Provenance.of(
        "spinemr harmonize",
        command=command_line(),
        parameters={"method": method.as_dict(), "strength": found.strength},
        inputs=inputs,
        seconds=seconds,
    )
    content: dict[str, Any] = {"method": found.method, "units": found.units, "strength": found.strength}
    write_json_atomic({**content, "provenance": made.as_dict()}, sidecar_of(output))
