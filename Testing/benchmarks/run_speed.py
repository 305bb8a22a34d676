"""The whole job on a 15-slice study of 320x320: seconds from command start to report, peak memory, and each stage's share.

Run with ``python Testing/benchmarks/run_speed.py [IMAGE]``. Every run is a process of its own, as users start it; the first,
which fills the caches of files, is not counted. Where other programs work too, processor seconds say more than the clock's.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from spinemr.imaging.files import write_image
from spinemr.synthesis.study import draw_study

REPEATS = 5
AIM_S, AIM_MB = 12.0, 2000.0
START = "start"
"""What no stage accounts for: the interpreter, its imports, and the end."""


@dataclass(frozen=True)
class Run:
    """One run of the command."""

    seconds: float
    processor_s: float
    memory_mb: float
    stages_s: dict[str, float]


def run(image: Path, folder: Path) -> Run:
    """Run the command and look at what it used; the peak is that of this child alone."""
    command = [sys.executable, "-m", "spinemr.cli", "run", str(image), "-o", str(folder), "--device", "cpu"]
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"spinemr run ended with {child.returncode}")
    unit = 1e6 if sys.platform == "darwin" else 1e3
    stages = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["seconds"]
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / unit, {START: seconds - sum(stages.values()), **stages})


def main() -> None:
    """Print the median of a few runs beside the aims."""
    if not hasattr(os, "wait4"):
        raise SystemExit("memory of a child is read as POSIX offers it: Linux and macOS")
    with tempfile.TemporaryDirectory() as place:
        image = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(place) / "image.nii.gz"
        if len(sys.argv) < 2:
            write_image(draw_study(1, scanner="alder-1.5t-t2").image, image)
        run(image, Path(place) / "out")
        runs = [run(image, Path(place) / "out") for _ in range(REPEATS)]
    middle = sorted(runs, key=lambda one: one.seconds)[REPEATS // 2]
    fastest = min(one.seconds for one in runs)
    memory, processor = max(one.memory_mb for one in runs), statistics.median(one.processor_s for one in runs)
    print(f"command start to report {middle.seconds:.1f} s, fastest {fastest:.1f} s (aim {AIM_S:.0f})")
    print(f"processor {processor:.1f} s on {os.cpu_count()} cores; peak memory {memory:.0f} MB (aim {AIM_MB:.0f})")
    for name, seconds in middle.stages_s.items():
        print(f"  {name:10} {seconds:6.2f} s  {100 * seconds / middle.seconds:3.0f} %")


if __name__ == "__main__":
    main()
