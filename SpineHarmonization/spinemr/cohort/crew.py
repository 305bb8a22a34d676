"""Who does the work: processes of this computer, or the workers of a Dask cluster that is there already."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spinemr.imaging.errors import ImagingWarning, InputError, OutputError

STUDY_MB = 1500
"""What a worker should have: the models and a large study."""
LEAST_MB = 600
"""With less not even the models fit."""
_SHARE = 0.9
"""Of the memory that is free now; the rest is for this process and for others."""
_TRIES = 3
_SLOW_S = 60
_ADDRESS = re.compile(r"[a-z]+://\S+:\d+", re.ASCII)


@dataclass(frozen=True)
class Crew:
    """What is asked for."""

    workers: int = 0
    """Processes; 0 for as many as cores and memory allow."""
    memory_mb: int = 0
    """Of each; 0 for its share of what is free."""
    scheduler: str = ""
    """The address of a cluster; then the two above are not ours to choose."""

    def __post_init__(self) -> None:
        if self.scheduler and (self.workers or self.memory_mb):
            raise InputError("A cluster has its own workers.", "Leave out --workers and --memory, or --scheduler.")
        if self.scheduler and not _ADDRESS.fullmatch(self.scheduler):
            raise InputError(f"{self.scheduler} is not the address of a scheduler.", "Such a one is tcp://head:8786")
        if self.memory_mb and self.memory_mb < LEAST_MB:
            raise InputError(f"A worker needs {LEAST_MB} MB or more, not {self.memory_mb}.")


@dataclass(frozen=True)
class Plan:
    """How this computer is shared out."""

    workers: int
    threads: int
    """For the numerical libraries of each: all of them together use each core once."""
    memory_mb: int


def plan(crew: Crew, cores: int, free_mb: float, studies: int) -> Plan:
    """No more workers than studies, cores and memory allow, unless more were asked for."""
    usable = free_mb * _SHARE
    each = crew.memory_mb or STUDY_MB
    workers = crew.workers or max(1, min(cores, int(usable // each)))
    workers = max(1, min(workers, studies))
    if workers * (crew.memory_mb or LEAST_MB) > usable:
        warnings.warn(f"{workers} workers may need more memory than is free ({free_mb:.0f} MB).", ImagingWarning, stacklevel=2)
    return Plan(workers, max(1, cores // workers), crew.memory_mb or max(LEAST_MB, int(usable / workers)))


@contextmanager
def open_crew(crew: Crew, studies: int, scratch: Path) -> Iterator[Any]:
    """A Dask client while the block runs; workers of our own end with it."""
    _be_quiet()
    if crew.scheduler:
        with _cluster(crew.scheduler) as client:
            yield client
    else:
        with _processes(crew, studies, scratch) as client:
            yield client


@contextmanager
def _processes(crew: Crew, studies: int, scratch: Path) -> Iterator[Any]:
    import dask
    import psutil
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster
    from distributed.security import Security
    from distributed.system import MEMORY_LIMIT

    shared = plan(crew, CPU_COUNT, min(MEMORY_LIMIT, psutil.virtual_memory().available) / 1e6, studies)
    with (
        dask.config.set({**_settings(shared.threads), "temporary-directory": str(scratch)}),
        LocalCluster(
            n_workers=shared.workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=f"{shared.memory_mb}MB",
            host="127.0.0.1",
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # any free port, with nothing behind it (see _settings)
            security=Security.temporary(),  # others on this computer cannot connect
            local_directory=str(scratch),
            silence_logs=logging.CRITICAL,
            preload=["spinemr.cohort.worker_start"],
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    from distributed import Client

    # In two steps: a client that found no scheduler waits for it in the end and prints a traceback, unless it is told.
    client = Client.__new__(Client)
    try:
        client.__init__(address, set_as_default=False, timeout=_SLOW_S)
    except (OSError, ValueError, TimeoutError) as error:
        client.status = "closed"
        raise InputError(f"There is no Dask scheduler at {address}.", "Start one, or leave out --scheduler.") from error
    with client:
        threads = max(client.nthreads().values(), default=1)
        if threads > 1:
            warnings.warn(
                f"The workers have {threads} threads; each works on one study at a time. Start them with --nthreads 1.",
                ImagingWarning,
                stacklevel=2,
            )
        yield client


def _settings(threads: int) -> dict[str, Any]:
    """Dask's settings for workers that hold no data of Dask's: nothing to spill, never to be paused for good."""
    count = str(threads)
    libraries = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
    return {
        "distributed.nanny.pre-spawn-environ": {"MALLOC_TRIM_THRESHOLD_": "65536", **dict.fromkeys(libraries, count)},
        "distributed.deploy.lost-worker-timeout": "30 days",  # a lost worker is started anew, however long that takes
        "distributed.scheduler.allowed-failures": _TRIES - 1,
        "distributed.scheduler.worker-saturation": 1.0,  # what waits at a worker that is lost counts as its victim
        "distributed.scheduler.http.routes": [],  # pages that everybody on this computer could read
        "distributed.worker.http.routes": [],
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": 0.95,
        "distributed.worker.profile.enabled": False,
        "distributed.admin.system-monitor.gil.enabled": False,
    }


def _be_quiet() -> None:
    """What Dask has to say of workers that come and go is told as failures of studies."""
    for name in ("distributed", "tornado", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def lost_sentence() -> str:
    """Why a study is given up on."""
    return f"Its worker ended unexpectedly, {_TRIES} times; it may need more memory (--memory, fewer --workers)."


def gone(address: str) -> OutputError:
    """A cluster that went away."""
    return OutputError(f"The Dask scheduler at {address or 'this computer'} is gone.", "Go on with --resume.")
