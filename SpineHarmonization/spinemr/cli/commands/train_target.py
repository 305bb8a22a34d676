"""``spinemr train target``: a new reference for a trained HarMOnAE from a folder of own studies, in minutes."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from spinemr.cli.commands.segment import Device
from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown


class ContrastName(str, Enum):
    """What the studies look like."""

    T1 = "t1"
    T2 = "t2"


def command(
    studies: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of studies, one a file.", show_default=False)],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="The folder of models to write into.", show_default=False)
    ],
    name: Annotated[str, typer.Option(metavar="NAME", help="The name of the new reference.")] = "own",
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="The HarMOnAE to start from: a name (spinemr models) or the path of a card; without it, the shipped one.",
            show_default=False,
        ),
    ] = None,
    contrast: Annotated[
        ContrastName | None, typer.Option(metavar="t1|t2", help="What the studies look like.", show_default=False)
    ] = None,
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="So many steps.")] = 200,
    device: Annotated[Device, typer.Option(metavar="WHERE", help="auto, cpu, cuda or mps.")] = Device.AUTO,
    progress: ProgressOption = ProgressMode.AUTO,
) -> None:
    """Fit a new target to a few studies; a trained HarMOnAE keeps all but its scanner code and the MLP behind it.

    DIR gets a model that [bold]spinemr harmonize --target DIR[/bold] takes. Its card says how
    much encoding and decoding changes slices of the studies that were not fitted on.

    Example: [bold]spinemr train target studies_of_clinic_a -o models --name clinic-a --contrast t1[/bold]
    """
    from spinemr.harmonization.inference.reference import base_of_targets
    from spinemr.harmonization.training.fit_target import Fit, fit_target

    with shown(progress) as report:
        written = fit_target(
            studies,
            base_of_targets(model),
            output,
            name=name,
            contrast=contrast.value if contrast else "",
            fit=Fit(steps=steps, device=device.value),
            progress=report,
        )
    if progress is not ProgressMode.JSON:
        for metric in written.metrics:
            typer.echo(metric.sentence())
        typer.echo(f"{written.name} in {output}")
