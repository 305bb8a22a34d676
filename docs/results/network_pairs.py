"""The nine encoder and decoder pairs of Kim 2024 (their Table 2) at one small equal budget; writes docs/results/network_pairs.md.

    python docs/results/network_pairs.py --packed out/packed.npz -o out/pairs [--steps 200]

Runs that are there are not repeated. Latencies are measured at the end, one network after the other, in
processor time, which other work on the machine hardly changes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from small_runs import Judged, judged_run, table

from spinemr.segmentation.inference.runtime import OpenVinoRuntime
from spinemr.segmentation.training.checkpoint import LAST, Checkpoint
from spinemr.segmentation.training.export import write_onnx

HERE = Path(__file__).parent
ENCODERS, DECODERS = ("resnet34", "resnet50", "resnet101"), ("unet", "unetplusplus", "deeplabv3")
PAIRS = tuple(f"{encoder}-{decoder}" for decoder in DECODERS for encoder in ENCODERS)
LIGHT = ("resnet18-unet", "efficientnet-b0-unet", "mobilenetv3-unet", "plain-unet")
SET = "spider_t2space"


def settings(packed: Path, network: str, steps: int) -> dict[str, Any]:
    """The run of a network, on T2-SPACE alone."""
    return {
        "seed": 21, "steps": steps, "batch_size": 4, "threads": 1, "network": {"name": network},
        "grid": {"rows": 160, "columns": 128, "pixel_mm": 1.6},
        "optimizer": {"learning_rate": 1e-3, "warm_up_steps": 20, "ema_decay": 0.95},
        "sources": [{"kind": "packed", "share": 1.0, "path": str(packed), "group": SET}],
        "validate_every": steps, "checkpoint_every": 25, "validation_slices": 4,
    }  # fmt: skip


def latencies_ms(folder: Path) -> tuple[float, float]:
    """Milliseconds of processor time a slice of 320 x 320, fp32, one thread, the least of five: PyTorch eager and OpenVINO."""
    done = folder / "latency.json"
    if not done.exists():
        import torch

        torch.set_num_threads(1)
        state = Checkpoint.read(folder / LAST)
        network = state.network_of_averages()
        image = np.random.default_rng(0).random((4, 1, 320, 320), dtype=np.float32)
        with torch.inference_mode(), tempfile.TemporaryDirectory() as place:
            eager = _fastest_ms(lambda: network(torch.from_numpy(image)))
            write_onnx(network, state, Path(place) / "network.onnx")
            runtime = OpenVinoRuntime(Path(place) / "network.onnx", threads=1)
            compiled = _fastest_ms(lambda: runtime(image))
        done.write_text(json.dumps([eager / 4, compiled / 4]), encoding="utf-8")
    eager, compiled = json.loads(done.read_text(encoding="utf-8"))
    return eager, compiled


def _fastest_ms(work: Any) -> float:  # noqa: ANN401 - any call
    work()
    times = []
    for _ in range(5):
        start = time.process_time()
        work()
        times.append(1000 * (time.process_time() - start))
    return min(times)


def page(found: dict[str, Judged], speeds: dict[str, tuple[float, float]], steps: int) -> str:
    """The page as Markdown."""
    subjects = next(iter(found.values())).count(SET, "disc")
    head = ("network", "parameters", "disc Dice (= F1)", "IoU", "precision", "recall", "vertebra Dice", "PyTorch", "OpenVINO")
    rows = (
        (name, f"{judged.parameters / 1e6:.1f} M", *(judged.cell(SET, "disc", m) for m in ("dsc", "iou", "precision", "recall")),
         judged.cell(SET, "vertebra"), *(f"{ms:.0f} ms" for ms in speeds[name]))
        for name, judged in found.items()
    )  # fmt: skip
    text = f"""# The nine pairs of Kim 2024, and lighter networks
Made by `python docs/results/network_pairs.py`: each network {steps} steps of 4 slices of 160 x 128 pixels of 1.6 mm
of the T2-SPACE set, from random weights, one seed; n = {subjects} held-out subjects, at most 48 slices, mean over
subjects (95 % interval of a bootstrap). The weights are those of the last step. Dice and F1 score are the same number
for masks, so it stands once. The budget is small and equal in slices seen, not in time: it says which network learns
fast from little, not which is best in the end. Kim 2024 started from encoders trained on photographs; nothing is
downloaded here. A Dice of 0 says that after these steps the network still calls every disc background (DeepLabV3
sees discs on a grid eight times as coarse as the image). Latency: one slice of 320 x 320, fp32, processor time on
one thread, the least of five calls.
"""
    return "\n".join([text, *table(head, rows), ""])


def main() -> None:
    """Train what is not there yet, measure, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packed", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--train-only", action="store_true", help="leave latencies and the page for another call")
    options = parser.parse_args()
    names = (*PAIRS, *LIGHT)
    found = {name: judged_run(settings(options.packed, name, options.steps), options.output / name) for name in names}
    if not options.train_only:
        speeds = {name: latencies_ms(options.output / name) for name in names}
        (HERE / "network_pairs.md").write_text(page(found, speeds, options.steps), encoding="utf-8")


if __name__ == "__main__":
    main()
