"""What a cohort costs: by number of workers, on a cluster of two nodes, and by number of studies; writes the page of results.

Run with ``python Testing/benchmarks/cohort_speed.py [--studies 12 --most 100] [--page PAGE.md]``. Studies are drawn (every
second pixel and slice of a scanner's image). The cluster is one Dask scheduler with two worker commands of two processes each on
this computer: what it shows is what the protocol costs. Where other programs work too, processor seconds say more than the
clock's.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from spinemr.cohort.collecting import collect
from spinemr.cohort.crew import Crew
from spinemr.cohort.options import CohortOptions
from spinemr.cohort.outcome import StudyOutcome
from spinemr.cohort.run import run_cohort
from spinemr.imaging.files import write_image
from spinemr.synthesis.study import draw_study

SCANNERS = ("alder-1.5t-t2", "birch-3t-t2", "cedar-1.5t-t1")
DRAWN = 6
"""Different studies; larger cohorts hold copies of them."""
GOAL = 100_000
OPTIONS = CohortOptions(harmonize="nyul")
MEMORY_MB = 1500
NODES = "2 nodes of 2 workers"


@dataclass(frozen=True)
class Run:
    """One cohort."""

    name: str
    studies: int
    workers: int
    seconds: float
    processor_s: float
    """Of all its processes."""
    outcomes: tuple[StudyOutcome, ...]
    disk_mb: float
    tables_s: float

    @property
    def study_s(self) -> float:
        """Processor seconds a study."""
        return self.processor_s / self.studies

    @property
    def memory_mb(self) -> tuple[float, float]:
        """The most any worker held: over its first five studies, and over all."""
        seen: dict[str, list[float]] = {}
        for outcome in self.outcomes:
            seen.setdefault(outcome.process, []).append(outcome.memory_mb)
        return max(max(values[:5]) for values in seen.values()), max(max(values) for values in seen.values())


def drawn_studies(folder: Path) -> list[Path]:
    """A few small studies of three scanners."""
    paths = []
    for seed in range(DRAWN):
        image = draw_study(seed, scanner=SCANNERS[seed % len(SCANNERS)]).image
        path = folder / f"{seed}.nii.gz"
        write_image(image[::2, ::2, ::2], path)
        paths.append(path)
    return paths


def manifest(folder: Path, paths: list[Path], studies: int) -> Path:
    """A manifest of so many studies."""
    lines = [f"s{number:05d},{paths[number % DRAWN]},{SCANNERS[number % DRAWN % len(SCANNERS)]}" for number in range(studies)]
    path = folder / f"{studies}.csv"
    path.write_text("\n".join(["id,path,scanner", *lines]) + "\n", encoding="utf-8")
    return path


def measured(name: str, place: Path, crew: Crew, workers: int, others: Callable[[], list[psutil.Process]] = list) -> Run:
    """Run a cohort and look at what it took; ``others`` are processes that work for it without being children."""
    folder = place.parent / "out"
    watch = Ticks(others)
    begun = time.perf_counter()
    result = run_cohort(place, folder, OPTIONS, crew, progress=lambda _: watch.look())
    seconds = time.perf_counter() - begun
    watch.look()
    size = sum(path.stat().st_size for path in (folder / "studies").rglob("*") if path.is_file()) / 1e6
    start = time.process_time()
    collect(folder)
    tables = time.process_time() - start
    shutil.rmtree(folder)
    if result.failed:
        raise SystemExit(f"{result.failed} studies failed")
    return Run(name, result.studies, workers, seconds, watch.total, result.outcomes, size, tables)


class Ticks:
    """Processor seconds of this process, its descendants and others, seen often enough that none is missed."""

    def __init__(self, others: Callable[[], list[psutil.Process]]) -> None:
        self._others = others
        self._last: dict[int, float] = {}
        self._first = self._now()

    def look(self) -> None:
        """Note what every process has used by now."""
        self._last |= self._now()

    def _now(self) -> dict[int, float]:
        found = {}
        me = psutil.Process()
        for process in (me, *me.children(recursive=True), *self._others()):
            try:
                used = process.cpu_times()
                found[process.pid] = used.user + used.system
            except psutil.Error:
                continue
        return found

    @property
    def total(self) -> float:
        """Since the start."""
        return sum(used - self._first.get(pid, 0.0) for pid, used in self._last.items())


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, Callable[[], list[psutil.Process]]]]:
    """A scheduler and two nodes of two workers each, as commands of Dask; ended together."""
    port = 18786
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "DASK_TEMPORARY_DIRECTORY": str(folder)}
    python = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-dashboard",
    ]
    address = f"tcp://127.0.0.1:{port}"
    node = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nworkers", "2", "--nthreads", "1", "--no-dashboard"]
    running = [subprocess.Popen(python, env=environment, **quiet)]
    try:
        time.sleep(5)
        running += [subprocess.Popen([*node, "--host", "127.0.0.1"], env=environment, **quiet) for _ in range(2)]
        yield address, lambda: [one for parent in running for one in _family(parent.pid)]
    finally:
        for one in running:
            os.killpg(one.pid, signal.SIGKILL)
            one.wait()


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def all_runs(folder: Path, studies: int, most: int) -> list[Run]:
    """Every cohort of the page."""
    paths = drawn_studies(folder)
    some = manifest(folder, paths, studies)
    runs = []

    def one(name: str, place: Path, crew: Crew, workers: int, others: Callable[[], list[psutil.Process]] = list) -> None:
        runs.append(measured(name, place, crew, workers, others))
        print(told(runs[-1]), flush=True)

    for workers in (1, 2, 4):
        one(f"{workers} worker{'s' if workers > 1 else ''}", some, Crew(workers, MEMORY_MB), workers)
    with cluster(folder) as (address, processes):
        one(NODES, some, Crew(scheduler=address), 4, processes)
    for count in (10, most):
        one(f"{count} studies, 2 workers", manifest(folder, paths, count), Crew(2, MEMORY_MB), 2)
    return runs


def told(run: Run) -> str:
    """One line of the table."""
    first, most = run.memory_mb
    return (
        f"| {run.name} | {run.studies} | {run.seconds:.0f} | {run.study_s:.2f} | {60 * run.studies / run.seconds:.0f} | "
        f"{first:.0f} | {most:.0f} |"
    )


def page(runs: list[Run], studies: int) -> str:
    """The page of results, with what 100,000 studies would take."""
    by_name = {run.name: run for run in runs}
    few, many = runs[-2], runs[-1]
    more = (many.processor_s - few.processor_s) / (many.studies - few.studies)
    table_ms = 1000 * (many.tables_s - few.tables_s) / (many.studies - few.studies)
    disk, hours, most_mb = many.disk_mb / many.studies, GOAL * more / 3600, many.memory_mb[1]
    cores, w1, w2, w4 = os.cpu_count(), *(by_name[name].study_s for name in ("1 worker", "2 workers", "4 workers"))
    lines, files = "\n".join(told(run) for run in runs), 10 * 64 / more
    made = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    start, node = few.processor_s - more * few.studies, by_name[NODES].study_s / w4
    return f"""# Cohorts: what they cost, and what 100,000 studies would
Made by `python Testing/benchmarks/cohort_speed.py --studies {studies} --most {many.studies} --page docs/results/cohort_scale.md`
on {cores} processors ({made}). {DRAWN} drawn studies of three scanners, every second pixel and slice, are repeated under
other ids: the whole job with the Nyul scales that ship, all files kept.

Where other programs work on the machine at the same time, the clock says little. Processor seconds (of all processes of a run,
the start of its workers and the tables included) are what to compare.

| cohort | studies | seconds | processor s a study | studies a minute | MB of a worker, first five studies | MB, at most |
|---|---|---|---|---|---|---|
{lines}

- **More workers.** A study takes {w1:.2f} processor seconds with one worker, {w2:.2f} with two and {w4:.2f} with four. The start
  of each worker, about {start / 2:.1f} processor seconds, is in these figures, shared out over {studies} studies; the rest of the
  difference is what four workers lose on {cores} busy processors.
- **Two nodes.** A scheduler and two worker commands, joined by TCP, need {node:.2f} times the processor time of four workers of
  the command's own.
- **From {few.studies} to {many.studies} studies.** The start of a run (workers, models, libraries) takes {start:.1f} processor
  seconds, a further study {more:.2f}: {few.processor_s:.1f} s for {few.studies}, {many.processor_s:.1f} s for {many.studies}.
- **Memory does not grow.** After its first five studies a worker of the longest run held {many.memory_mb[0]:.0f} MB, at most
  {most_mb:.0f} MB.
- **Tables and report** take {many.tables_s:.1f} processor seconds for {many.studies} studies, {table_ms:.0f} ms for each more.

## 100,000 studies
Studies of this size, from the figures above; nobody has run it.

| what | arithmetic | result |
|---|---|---|
| processor time | {GOAL:,} x {more:.2f} s | {hours:.0f} processor hours |
| 64 processors, one worker each | {hours:.0f} h / 64 | {hours / 64:.1f} hours |
| tables and report, in one process | {GOAL:,} x {table_ms:.0f} ms | {GOAL * table_ms / 3.6e6:.1f} hours |
| disk, all files | {GOAL:,} x {disk:.2f} MB | {GOAL * disk / 1e6:.2f} TB |
| memory of 64 workers | 64 x {most_mb:.0f} MB | {64 * most_mb / 1000:.0f} GB |
| tasks at the scheduler | 4 for each of 64 workers | 256 at a time, however large the cohort |

Studies of real scanners are larger: for theirs put the processor seconds and megabytes of `Testing/benchmarks/run_speed.py` in
the place of these. `--keep tables` leaves out images and label maps.

What the arithmetic leaves out: the file system that all workers share. Each study writes ten files and renames one folder; 64
workers at {more:.1f} s a study write {files:.0f} files a second: a parallel file system bears that, a single disk may not. What
is finished is told by one look at one folder of 100,000 names at the start of a run.
"""


def main() -> None:
    """Print the table; write the page where one is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=12, help="studies of the cohorts whose workers are compared")
    parser.add_argument("--most", type=int, default=48, help="studies of the largest cohort")
    parser.add_argument("--page", type=Path, help="where the page of results goes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        runs = all_runs(Path(place), arguments.studies, arguments.most)
    if arguments.page:
        arguments.page.write_text(page(runs, arguments.studies), encoding="utf-8")


if __name__ == "__main__":
    main()
