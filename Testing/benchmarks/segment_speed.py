"""How long a 15-slice study of 320x320 takes to segment, and how much memory, beside PyTorch running the same network.

Run with ``python Testing/benchmarks/segment_speed.py [MODEL]``; the part with PyTorch is left out where it is not installed.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from spinemr.segmentation.inference.model import DEFAULT_MODEL, open_model
from spinemr.segmentation.inference.predict import network_grid, predict
from spinemr.segmentation.inference.segment import segment
from spinemr.synthesis.study import draw_study

REPEATS = 3
AIM_S = 2.0


def seconds(work: Callable[[], object]) -> float:
    """The best of a few runs, the first (which fills caches) not counted."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print the time of the whole, of the network alone, and of PyTorch eager on the same slices."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else DEFAULT_MODEL
    start = time.perf_counter()
    model = open_model(wanted, "cpu")
    opened = time.perf_counter() - start
    study = draw_study(1, scanner="alder-1.5t-t2")
    whole = seconds(lambda: segment(study.image, model))
    classes = seconds(lambda: predict(study.image, model.runtime, model.card.input))
    seen = predict(study.image, model.runtime, model.card.input)
    rows, columns = network_grid(seen.frame, model.card.input).size
    shown = np.random.default_rng(0).random((15, 1, rows, columns), dtype=np.float32)
    openvino = seconds(lambda: model.runtime(shown))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"opening {opened:.2f} s; whole study {whole:.2f} s (aim {AIM_S:.0f}), of it classes of all voxels {classes:.2f} s")
    print(f"network alone on 15 x {rows} x {columns}: OpenVINO {openvino:.2f} s; peak memory {memory:.0f} MiB")
    if find_spec("torch") is not None:
        print_torch(wanted, shown, openvino)


def print_torch(wanted: str, shown: np.ndarray, openvino: float) -> None:
    """The same network and slices in PyTorch, on the processor."""
    import torch

    from spinemr.segmentation.inference.model import torch_network

    network = torch_network(wanted).eval()
    images = torch.from_numpy(shown)
    with torch.inference_mode():
        eager = seconds(lambda: network(images))
    print(f"PyTorch eager {eager:.2f} s: {eager / openvino:.1f} times as long")


if __name__ == "__main__":
    main()
