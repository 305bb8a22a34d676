"""What real and drawn images each contribute: four runs of one network and one budget; writes docs/results/ablation.md.

    python docs/results/ablation.py --packed out/packed.npz -o out/ablation [--steps 500]

``--packed`` is made by ``python -m spinemr.segmentation.training.pack DATA out/packed.npz``.
Runs that are there are not repeated.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from small_runs import Judged, judged_run, table

HERE = Path(__file__).parent
REAL = (("spider_t2space", 0.6), ("spider_t1t2_slices", 0.22), ("t1_midsagittal", 0.18))
COLUMNS = (
    ("spider_t2space", "vertebra"), ("spider_t2space", "disc"), ("spider_t2space", "canal"), ("spider_t1t2_slices", "vertebra"),
    ("t1_midsagittal", "body"), ("drawn", "vertebra"), ("drawn", "disc"), ("drawn", "canal"),
)  # fmt: skip
ARMS = {
    "real, as they are": (1.0, False),
    "real, augmented": (1.0, True),
    "drawn only": (0.0, True),
    "real and drawn (7 to 3)": (0.7, True),
}


def settings(packed: Path, real: float, augment: bool, steps: int) -> dict[str, Any]:
    """The run of an arm; the real sets are named in each, so that each is judged on them."""
    sources = [{"kind": "packed", "share": real * share, "path": str(packed), "group": name} for name, share in REAL]
    return {
        "seed": 11, "steps": steps, "batch_size": 8, "augment": augment, "threads": 1,
        "network": {"name": "plain-unet", "options": {"width": 16, "levels": 5}},
        "grid": {"rows": 192, "columns": 160, "pixel_mm": 1.3},
        "optimizer": {"learning_rate": 2e-3, "warm_up_steps": 30, "ema_decay": 0.98},
        "sources": [*sources, {"kind": "drawn", "share": 1.0 - real}],
        "validate_every": steps, "checkpoint_every": 50, "validation_slices": 4,
    }  # fmt: skip


def page(found: dict[str, Judged], steps: int) -> str:
    """The page as Markdown."""
    first = next(iter(found.values()))
    head = ("trained on", *(f"{name} {structure} (n = {first.count(name, structure)})" for name, structure in COLUMNS))
    rows = ((arm, *(judged.cell(*column) for column in COLUMNS)) for arm, judged in found.items())
    text = f"""# Real images, drawn images, both
Made by `python docs/results/ablation.py`: the network of `balanced` ({first.parameters:,} parameters), {steps} steps
of 8 slices of 192 x 160 pixels of 1.3 mm, one seed. Dice of the network's output alone over at most 48 slices of each
held-out set, mean over subjects (95 % interval of a bootstrap over subjects). The weights are those of the last step:
nothing was chosen by these subjects. "Augmented" includes that the contrast of a real slice is drawn anew from its
label map (`training_augmentation`). The budget is small, so that the comparison can be repeated in under an hour; the
shipped models were trained longer.
"""
    return "\n".join([text, *table(head, rows), ""])


def main() -> None:
    """Train what is not there yet, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packed", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=500)
    options = parser.parse_args()
    found = {
        arm: judged_run(settings(options.packed, real, augment, options.steps), options.output / f"real_{real:g}_{augment}")
        for arm, (real, augment) in ARMS.items()
    }
    (HERE / "ablation.md").write_text(page(found, options.steps), encoding="utf-8")


if __name__ == "__main__":
    main()
