"""``spinemr train``: learn to segment from labelled slices, or to harmonize from images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from spinemr.cli.commands import train_harmonization, train_target
from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown

app = typer.Typer(
    help="Train a model as a configuration file says, or fit one to own studies (needs PyTorch: pip install 'spinemr\\[train]').",
    no_args_is_help=True,
)


@app.callback()
def train() -> None:
    """Group what can be trained."""


@app.command("segmentation")
def segmentation(
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
    """Train a segmentation network; stop it any time and go on with --resume.

    The folder gets last.pt (to go on), best.pt (the best validation Dice per
    subject, averaged weights), config.json and log.csv.

    Example: [bold]spinemr train segmentation docs/recipes/balanced.yaml -o out/run[/bold]
    """
    from spinemr.segmentation.training.config import read_config
    from spinemr.segmentation.training.loop import train

    run = read_config(config)
    run = replace(run, device=device) if device is not None else run
    run = replace(run, steps=steps) if steps is not None else run
    folder = output or Path("out") / config.stem
    with shown(progress) as report:
        outcome = train(run, folder, resume=resume, progress=report)
    if progress is not ProgressMode.JSON:
        dice = f", validation Dice {outcome.best_dice:.3f}" if outcome.best_dice >= 0 else ""
        typer.echo(f"{outcome.step} steps{dice}: {outcome.best}")


app.command("harmonization")(train_harmonization.command)
app.command("target")(train_target.command)
