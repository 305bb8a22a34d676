"""How long a 15-slice study of 320x320 takes to harmonize by a network, the check of its anatomy included, beside PyTorch.

Run with ``python Testing/benchmarks/harmonize_speed.py [REFERENCE or CARD ...]``. Without a reference the shipped ones are timed,
and where none ships, networks with random weights at the sizes of the recipes (which needs PyTorch and ONNX).
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from spinemr.harmonization.chosen import chosen_method
from spinemr.harmonization.harmonize import harmonize
from spinemr.harmonization.inference import slices as slices_of_study
from spinemr.harmonization.inference.network_method import NetworkMethod, open_reference
from spinemr.harmonization.inference.reference import Reference, shipped_references
from spinemr.harmonization.inference.safety import Limits
from spinemr.harmonization.inference.slices import grid_for
from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.harmonizer import HarmonizationTarget, Harmonizer
from spinemr.imaging.model_card import ModelCard, ModelFile, ModelInput
from spinemr.imaging.provenance import sha256_of
from spinemr.synthesis.study import draw_study

REPEATS = 3
AIM_S = 4.0
NOTHING_RETURNED = Limits(float("inf"), float("inf"), -float("inf"))
"""Random networks draw nonsense; what they cost is asked here, so nothing is returned."""


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
    """Time each network."""
    study = draw_study(1, scanner="alder-1.5t-t2").image
    print(f"study of {study.GetSize()} voxels at {study.GetSpacing()[0]:.2f} mm; aim {AIM_S:.0f} s")
    with ExitStack() as stack:
        for name, method in methods(stack):
            time_one(name, method, study)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def methods(stack: ExitStack) -> Iterator[tuple[str, NetworkMethod]]:
    """Those asked for, else those that ship (one of each model), else random ones."""
    asked = [chosen_method(None, word, device="cpu") for word in sys.argv[1:]]
    shipped = [one for one in shipped_references() if one.target == one.harmonizer.targets[0]]
    found = asked or [open_reference(one, "cpu") for one in shipped]
    for method in found:
        if isinstance(method, NetworkMethod):
            yield method.reference.name, method
    if not found:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield from random_methods(folder)


def random_methods(folder: Path) -> Iterator[tuple[str, NetworkMethod]]:
    """Random weights: the generator of the recipes that a processor trains, the published one, and HarMOnAE."""
    if any(find_spec(package) is None for package in ("torch", "onnx", "onnxscript", "safetensors")):
        print("left out: no reference ships, and PyTorch or ONNX is not installed to make one")
        return
    from spinemr.harmonization.networks.stored import built_network
    from spinemr.harmonization.networks.style_blind import StyleBlindOptions
    from spinemr.harmonization.networks.style_transfer import StyleTransferOptions
    from spinemr.harmonization.training.export import Product, write_weights

    plain, coded = HarmonizationTarget("random"), HarmonizationTarget("random", code=(1.0, 0.0, 0.0, 0.0))
    sizes = {
        "generator-16 at 1.2 mm": (StyleTransferOptions(16, 3), Harmonizer("cyclegan", 1, (plain,)), 1.2),
        "generator-32 at 0.7 mm": (StyleTransferOptions(32, 5), Harmonizer("cyclegan", 1, (plain,)), 0.7),
        "harmonae-16 at 1.25 mm": (StyleBlindOptions(4, 16), Harmonizer("harmonae", 1, (coded,)), 1.25),
    }
    for number, (name, (options, harmonizer, pixel_mm)) in enumerate(sizes.items()):
        network = built_network(options).eval()
        paths = write_weights(Product(network, options, harmonizer, pixel_mm), folder, f"random{number}")
        files = tuple(ModelFile(path.suffix[1:], path.name, sha256_of(path)) for path in paths)
        texts = dict.fromkeys(("title", "version", "licence", "intended_use", "limits", "recipe", "commit"), "random")
        made = {"input": ModelInput(pixel_mm, 4), "files": files, "training_data": (), "metrics": (), "harmonizer": harmonizer}
        card = ModelCard(name=name, task="harmonization", **made, **texts)
        method = open_reference(Reference(card, folder, harmonizer.targets[0]), "cpu")
        yield name, replace(method, limits=NOTHING_RETURNED)


def time_one(name: str, method: NetworkMethod, study: sitk.Image) -> None:
    """The whole, the network alone, the check alone, and PyTorch eager on the same slices."""
    whole = seconds(lambda: harmonize(study, method))
    rows, columns = grid_for(WorkingFrame.of(study), method.reference.card.input).size
    shown = np.random.default_rng(0).random((15, method.reference.harmonizer.slices, rows, columns), dtype=np.float32)
    network = seconds(lambda: method.runtime(shown))
    middle = shown[:, shown.shape[1] // 2]
    pixel_mm = method.reference.card.input.pixel_mm
    check = seconds(lambda: [slices_of_study.check(one, one, pixel_mm) for one in middle])
    print(f"{name}: whole {whole:.2f} s; network on 15 x {rows} x {columns} {network:.2f} s", end="")
    print(f", check on one core {check:.2f} s", end="")
    if find_spec("torch") is None or find_spec("safetensors") is None:
        print("; left out: PyTorch")
        return
    peer = in_torch(method)
    eager = seconds(lambda: peer(shown))
    print(f"; PyTorch eager {eager:.2f} s, {eager / network:.1f} times as long as OpenVINO")


def in_torch(method: NetworkMethod) -> Callable[[np.ndarray], np.ndarray]:
    """The same network in PyTorch, on the processor."""
    from spinemr.harmonization.inference.runtime import TorchRuntime
    from spinemr.harmonization.networks.stored import network_in
    from spinemr.imaging.model_files import checked_file, file_of_kind

    reference = method.reference
    path = checked_file(reference.card, file_of_kind(reference.card, "safetensors"), reference.folder)
    return TorchRuntime(network_in(path), "cpu", reference.target.code)


if __name__ == "__main__":
    main()
