"""How long a 15-slice study of 320x320 takes to segment, and how much memory, beside two peers in the same run.

The peers are PyTorch running the same network, and a 3D network of the size nnU-Net plans for such a study. Run with
``python Testing/benchmarks/segment_speed.py [MODEL]``; peers whose packages are not installed are left out.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from spinemr.segmentation.inference.model import DEFAULT_MODEL, open_model
from spinemr.segmentation.inference.patches import slide
from spinemr.segmentation.inference.predict import network_grid, predict
from spinemr.segmentation.inference.runtime import TorchRuntime
from spinemr.segmentation.inference.segment import segment
from spinemr.synthesis.study import draw_study

REPEATS = 3
AIM_S = 2.0

NNUNET_WIDTHS = (32, 64, 128, 256, 320, 320)
NNUNET_PATCH = (16, 256, 256)
"""Slices, rows and columns: what nnU-Net plans for a thick-slice study, whose first levels leave the slice axis alone."""
NNUNET_STRIDES = ((1, 1, 1), (1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2), (1, 2, 2))
NNUNET_KERNELS = ((1, 3, 3), (1, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3))


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
    print(f"network on 15 x {rows} x {columns}: OpenVINO ({model.precision}) {openvino:.2f} s; peak memory {memory:.0f} MiB")
    if find_spec("torch") is None:
        print("left out: PyTorch and the 3D network (PyTorch is not installed)")
        return
    print_torch(wanted, shown, openvino)
    if find_spec("monai") is None:
        print("left out: the 3D network (MONAI is not installed)")
        return
    print_nnunet_sized(whole, openvino)


def print_torch(wanted: str, shown: np.ndarray, openvino: float) -> None:
    """The same network and slices in PyTorch, on the processor."""
    import torch

    from spinemr.segmentation.inference.model import torch_network

    network = torch_network(wanted).eval()
    images = torch.from_numpy(shown)
    with torch.inference_mode():
        eager = seconds(lambda: network(images))
    print(f"PyTorch eager {eager:.2f} s: {eager / openvino:.1f} times as long")


def nnunet_sized() -> Any:
    """MONAI's DynUNet at the widths of nnU-Net's 3D network, with random weights: two convolutions a level, instance norm."""
    from monai.networks.nets import DynUNet

    return DynUNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=7,
        kernel_size=NNUNET_KERNELS,
        strides=NNUNET_STRIDES,
        upsample_kernel_size=NNUNET_STRIDES[1:],
        filters=NNUNET_WIDTHS,
    )


def print_nnunet_sized(whole: float, openvino: float) -> None:
    """A 3D network patch by patch over 15 slices of 320 x 320, half a patch apart, in PyTorch on the processor; one round."""
    network = nnunet_sized()
    runtime = TorchRuntime(network, "cpu")
    runtime(np.zeros((1, 1, *NNUNET_PATCH), np.float32))
    study = np.random.default_rng(0).random((15, 320, 320), dtype=np.float32)
    start = time.perf_counter()
    slide(study, NNUNET_PATCH, runtime)
    took = time.perf_counter() - start
    millions = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    print(
        f"3D network of nnU-Net's size ({millions:.0f} M parameters, random weights) {took:.1f} s:"
        f" {took / openvino:.0f} times as long as the network, {took / whole:.0f} times as long as the whole"
    )


if __name__ == "__main__":
    main()
