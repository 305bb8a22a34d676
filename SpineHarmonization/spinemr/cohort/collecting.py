"""Tables and report of a cohort that lies there already, written anew."""

from __future__ import annotations

from pathlib import Path

from spinemr.cohort.cohort_folder import HIDDEN, LOCK, about_cohort, finished_in
from spinemr.cohort.lock import only_run
from spinemr.cohort.report import write_report
from spinemr.cohort.tables import write_tables
from spinemr.imaging.progress import ProgressCallback, silent, within


def collect(root: Path, *, progress: ProgressCallback = silent) -> int:
    """From the folders of all finished studies; how many there are. Refused while a run is at work there."""
    about_cohort(root)
    with only_run(root / HIDDEN / LOCK, root):
        write_tables(root, progress=within(progress, 0.0, 0.8))
        write_report(root, progress=within(progress, 0.8, 1.0))
        return len(finished_in(root))
