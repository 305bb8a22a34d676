"""``spinemr harmonize``: a study with the appearance of a reference, its anatomy untouched."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from spinemr.cli.commands.segment import Device
from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown
from spinemr.cli.session import command_line
from spinemr.imaging.errors import OutputError


class MethodName(str, Enum):
    """The methods there are."""

    AUTO = "auto"
    CYCLEGAN = "cyclegan"
    HARMONAE = "harmonae"
    NYUL = "nyul"
    ZSCORE = "zscore"
    WHITESTRIPE = "whitestripe"
    HISTOGRAM = "histogram"


def command(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An image, or a DICOM folder.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help=".nii.gz, .nii, .nrrd, .mha or .mhd")],
    method: Annotated[
        MethodName,
        typer.Option(metavar="NAME", help="auto, cyclegan, harmonae, whitestripe, zscore, nyul or histogram."),
    ] = MethodName.AUTO,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET",
            help="Whose appearance: a shipped reference by its name (t1 and t2 are scales), your own (a model's folder or card,"
            " a fitted method's .json), and for nyul and histogram an image or a folder of images.",
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
    device: Annotated[Device, typer.Option(metavar="WHERE", help="Of networks: auto, cpu, cuda or mps.")] = Device.AUTO,
    progress: ProgressOption = ProgressMode.AUTO,
) -> None:
    """Give a lumbar MRI the appearance of a reference.

    cyclegan and harmonae are networks (spinemr models lists the references that
    came with this version); without --target the reference has the contrast of
    the image. A slice whose anatomy a network would move is returned as it was.
    zscore and whitestripe need no reference; nyul has scales for T1 and T2, or
    takes one from a folder of images; histogram takes one image. auto, the
    default, is the scale of the image's contrast. The result lies on the image's
    own grid; OUT.json beside it says what its numbers mean and how it was made.

    Not a medical device.

    Example: [bold]spinemr harmonize study.nii.gz -o harmonized.nii.gz --strength 0.8[/bold]

    Example: [bold]spinemr harmonize study.nii.gz -o harmonized.nii.gz --method cyclegan[/bold]

    Example: [bold]spinemr harmonize study.nii.gz -o out.nii.gz --method nyul --target clinic_a --save-fit clinic_a.json[/bold]

    Example: [bold]spinemr harmonize other.nii.gz -o out.nii.gz --target clinic_a.json[/bold]
    """
    from spinemr.harmonization.chosen import chosen_method
    from spinemr.harmonization.registry import METHODS, write_method
    from spinemr.imaging.progress import within
    from spinemr.pipeline.harmonize_file import harmonize_file

    if save_fit is not None and save_fit.suffix.lower() != ".json":
        raise OutputError(f"Cannot write {save_fit}: a fitted method is JSON.", "Give a name that ends in .json.")
    with shown(progress) as report:
        ready = chosen_method(method.value, target, device=device.value, progress=within(report, 0.0, 0.3))
        if save_fit is not None and (ready.name not in METHODS or METHODS[ready.name].fit is None):
            raise OutputError(f"Nothing is fitted by the method {ready.name}.", "Leave out --save-fit.")
        inner = within(report, 0.3, 1.0)
        found = harmonize_file(
            image, output, ready, strength=strength, target=target, command=command_line(), progress=inner
        )
        if save_fit is not None:
            write_method(ready, save_fit)
    if progress is not ProgressMode.JSON:
        for note in found.notes:
            typer.echo(note)
        typer.echo(f"{output}: {found.method}, {found.units}")
