"""``spinemr cohort which``: the images behind the ids of a cohort, on the terminal and nowhere else."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer


def command(
    studies: Annotated[
        Path, typer.Argument(metavar="MANIFEST.csv|FOLDER", help="What the cohort was made of.", show_default=False)
    ],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What spinemr cohort wrote to.", show_default=False)],
    failed: Annotated[bool, typer.Option("--failed", help="Only studies that failed.")] = False,
) -> None:
    """Say which image is which study: id, state and path as lines of CSV.

    Paths may name patients: they are printed and kept nowhere.

    Example: [bold]spinemr cohort which studies results --failed[/bold]
    """
    from spinemr.cohort.whereabouts import FAILED, whereabouts

    found = list(whereabouts(studies, folder))
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(("id", "state", "path"))
    lines.writerows(line for line in found if not failed or line[1] == FAILED)
