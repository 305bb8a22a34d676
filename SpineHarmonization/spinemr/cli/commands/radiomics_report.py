"""``spinemr radiomics report``: one page on a case, from the folder a run wrote or a plain folder of files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spinemr.cli.progress_bar import ProgressMode, ProgressOption, shown
from spinemr.imaging.errors import InputError, OutputError


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder with the case's files.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT.html", help="The page (else DIR/report.html).", show_default=False),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="IMAGE", help="The source image, where it is not in DIR.", show_default=False),
    ] = None,
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="Above the page; no names of patients.")] = (
        "Lumbar spine MRI: report"
    ),
    progress: ProgressOption = ProgressMode.AUTO,
) -> None:
    """Write one self-contained HTML page on a case: verdict, pictures, tables, plots.

    DIR holds image.nii.gz (or source, or one image of any name) and whatever
    there is of harmonized.nii.gz, reference.nii.gz, segmentation.nii.gz (or
    labels, mask; .seg.nrrd too), features.csv, measurements.csv, qc.json and
    provenance.json. Without qc.json the case is judged now. The page fetches
    nothing from the network, prints on A4 and names neither files nor patients.

    Not a medical device.

    Example: [bold]spinemr radiomics report study[/bold]

    Example: [bold]spinemr radiomics report results --image study.nii.gz -o page.html[/bold]
    """
    from spinemr.imaging.progress import Progress
    from spinemr.radiomics.report.case_folder import REPORT_NAME, read_case
    from spinemr.radiomics.report.page import write_report

    target = output or folder / REPORT_NAME
    if target.suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"Cannot write {target}: a report is .html.", "Give a name that ends in .html.")
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", "Give the folder a run wrote to.")
    with shown(progress) as report:
        content = read_case(folder, image=image, title=title, progress=report)
        write_report(content, target)
        report(Progress("report", 1.0, "Done"))
    if progress is not ProgressMode.JSON:
        word = "no verdict" if content.verdict is None else content.verdict.status
        typer.echo(f"{target}: {word}")
