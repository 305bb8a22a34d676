"""How fast studies are drawn: a 320x320 training slice (image and labels) and a whole 15-slice study, on one core.

Run with ``make bench`` or ``python Testing/benchmarks/drawing_speed.py``. The aim: a slice in under 40 ms on
average, a study in a few seconds.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import time
from itertools import islice

import numpy as np

from spinemr.synthesis.anatomy.assemble import draw_spine
from spinemr.synthesis.anatomy.render import SagittalGrid, render
from spinemr.synthesis.sample import SLICES_PER_ANATOMY, draw_samples
from spinemr.synthesis.study import draw_study

SAMPLES = 80
STUDIES = 4
SAMPLE_AIM_MS = 40.0


def milliseconds(count: int, work: object) -> float:
    """Processor milliseconds of one of ``count`` repetitions."""
    start = time.process_time()
    for item in range(count):
        work(item)  # type: ignore[operator]
    return (time.process_time() - start) / count * 1e3


def main() -> None:
    """Print the time of each part and of the whole."""
    stream = draw_samples(1)
    list(islice(stream, SLICES_PER_ANATOMY))
    times = []
    for _ in range(SAMPLES):
        start = time.process_time()
        next(stream)
        times.append((time.process_time() - start) * 1e3)
    print(f"training slice 320x320: mean {np.mean(times):.1f} ms, median {np.median(times):.1f}, 95 % under {np.percentile(times, 95):.1f}"
          f" (n={SAMPLES}; {np.mean(times) / SAMPLE_AIM_MS:.2f} of the aim of {SAMPLE_AIM_MS:.0f} ms)")  # fmt: skip
    spine = draw_spine(3)
    centre = tuple(float(v) for v in spine.centre)
    grid = SagittalGrid(centre, 1, 320, 320, (4.0, 0.85, 0.85), 4.0)
    print(f"  of it: numbers of an anatomy {milliseconds(20, draw_spine):.1f} ms (one for {SLICES_PER_ANATOMY} slices),"
          f" one plane of tissue {milliseconds(20, lambda _: render(spine, grid)):.1f} ms")  # fmt: skip
    study = milliseconds(STUDIES, lambda seed: draw_study(seed, scanner="alder-1.5t-t2"))
    print(f"study of 15 slices 320x320, three sub-slices each: {study / 1e3:.2f} s (n={STUDIES})")


if __name__ == "__main__":
    main()
