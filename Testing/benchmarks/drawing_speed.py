"""How fast studies are drawn: a 320x320 training slice (image and labels) and a whole 15-slice study.

Run with ``make bench`` or ``OMP_NUM_THREADS=1 python Testing/benchmarks/drawing_speed.py``. The aim: a slice in under
40 ms on average on one core, a study in a few seconds. Processor time of all threads is counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice

import numpy as np

from spinemr.synthesis.anatomy.assemble import draw_spine
from spinemr.synthesis.anatomy.render import SagittalGrid, render
from spinemr.synthesis.sample import SLICES_PER_ANATOMY, draw_samples
from spinemr.synthesis.study import draw_study

SAMPLES = 80
STUDIES = 4
SAMPLE_AIM_MS = 40.0


def milliseconds(count: int, work: Callable[[int], object]) -> float:
    """Processor milliseconds of one of ``count`` repetitions."""
    start = time.process_time()
    for item in range(count):
        work(item)
    return (time.process_time() - start) / count * 1e3


def sample_times() -> list[float]:
    """Processor milliseconds of each of a stream's slices, the first anatomy (which fills caches) left out."""
    stream = draw_samples(1)
    list(islice(stream, SLICES_PER_ANATOMY))
    return [milliseconds(1, lambda _: next(stream)) for _ in range(SAMPLES)]


def main() -> None:
    """Print the time of the whole and of its parts."""
    times = sample_times()
    mean, late = np.mean(times), np.percentile(times, 95)
    print(f"training slice 320x320: mean {mean:.1f} ms, 95 % under {late:.1f} (n={SAMPLES}; aim {SAMPLE_AIM_MS:.0f} ms)")
    spine = draw_spine(3)
    x, y, z = (float(v) for v in spine.centre)
    grid = SagittalGrid((x, y, z), 1, 320, 320, (4.0, 0.85, 0.85), 4.0)
    numbers, plane = milliseconds(20, draw_spine), milliseconds(20, lambda _: render(spine, grid))
    print(f"  numbers of an anatomy {numbers:.1f} ms (one for {SLICES_PER_ANATOMY} slices), one plane of tissue {plane:.1f} ms")
    study = milliseconds(STUDIES, lambda seed: draw_study(seed, scanner="alder-1.5t-t2"))
    print(f"study of 15 slices 320x320, three sub-slices each: {study / 1e3:.2f} s (n={STUDIES})")


if __name__ == "__main__":
    main()
