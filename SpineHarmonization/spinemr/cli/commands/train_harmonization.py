"""``spinemr train harmonization``: learn one appearance from images of several, as one configuration file says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown


def command(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The run: .yaml or .json", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="The folder of the run; without it, CONFIG's name in out/."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda or mps, instead of the file's.", show_default=False)
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="So many steps, instead of the file's.", show_default=False)
    ] = None,
    progress: ProgressOption = ProgressMode.AUTO,
) -> None:
    """Train a harmonizer, CycleGAN or HarMOnAE; stop it any time and go on with --resume.

    The folder gets last.pt (to go on, and to export), config.json, log.csv with
    the mean of every loss, and panels of what becomes of a few images.

    Example: [bold]spinemr train harmonization docs/recipes/harmonization_cyclegan_t1.yaml -o out/run[/bold]
    """
    from spinemr.harmonization.training.config import read_config
    from spinemr.harmonization.training.loop import train_harmonization

    run = read_config(config)
    run = replace(run, device=device) if device is not None else run
    run = replace(run, steps=steps) if steps is not None else run
    folder = output or Path("out") / config.stem
    with shown(progress) as report:
        outcome = train_harmonization(run, folder, resume=resume, progress=report)
    if progress is not ProgressMode.JSON:
        near = outcome.nearness
        gained = f", error to the truth {near['pairs mae before']:.3f} before, {near['pairs mae']:.3f} after" if near else ""
        typer.echo(f"{outcome.step} steps{gained}: {outcome.last}")
