"""The networks the comparison needs, each trained once by a small equal budget and remembered in its folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harmonization_images import PIXEL_MM

from spinemr.harmonization.inference.network_method import NetworkMethod, open_reference
from spinemr.harmonization.inference.reference import own_references
from spinemr.harmonization.training.config import config_from as harmonization_config
from spinemr.harmonization.training.export import export_harmonizer
from spinemr.harmonization.training.loop import train_harmonization
from spinemr.imaging.progress import Progress
from spinemr.segmentation.training.checkpoint import LAST
from spinemr.segmentation.training.config import config_from as segmentation_config
from spinemr.segmentation.training.loop import train

ROWS, COLUMNS = 192, 128
VARIANTS: dict[str, dict[str, Any]] = {
    "Modanwal 2021": {"variant": "modanwal", "least_squares": True},
    "CycleGAN, no extra loss": {"weights": {"dice_target": 0.0, "dice_source": 0.0, "radiomics": 0.0}},
    "CycleGAN +RF -Seg": {"weights": {"dice_target": 0.0, "dice_source": 0.0}},
    "CycleGAN -RF +Seg": {"weights": {"radiomics": 0.0}},
    "CycleGAN +RF +Seg": {},
}
"""Rows of Table 5 of Kim 2024; "no extra loss" is theirs without both terms."""
WITHOUT, WITH = "CycleGAN, no extra loss", "CycleGAN -RF +Seg"
ABLATIONS: dict[str, dict[str, Any]] = {
    "-S_X +S_Y": {"weights": {"radiomics": 0.0, "dice_source": 0.0}},
    "no identity Dice": {"weights": {"radiomics": 0.0, "dice_identity": 0.0}},
    "no cycle Dice": {"weights": {"radiomics": 0.0, "dice_cycle": 0.0}},
    "no harmonization Dice": {"weights": {"radiomics": 0.0, "dice_harmonization": 0.0}},
}
"""What else their Tables 3 and 4 need. The whole model there has the figures of "-RF +Seg" in Table 5: no radiomic loss here."""
ABLATION_TABLES: dict[str, dict[str, str]] = {
    "Segmentation networks (Kim 2024, Table 3)": {"-S_X -S_Y": WITHOUT, "-S_X +S_Y": "-S_X +S_Y", "+S_X +S_Y": WITH},
    "Dice losses (Kim 2024, Table 4)": {
        "cycle, harmonization": "no identity Dice",
        "cycle, identity": "no harmonization Dice",
        "harmonization, identity": "no cycle Dice",
        "all three": WITH,
    },
}
"""By table and its row: the network that is meant."""


def segmentation_network(packed: Path, group: str, folder: Path, steps: int) -> Path:
    """S_Y: learns the target domain alone, with its contrast as it is."""
    settings = {
        "seed": 21, "steps": steps, "batch_size": 8, "augment": False, "threads": 1,
        "network": {"name": "plain-unet", "options": {"width": 8, "levels": 5}},
        "grid": {"rows": ROWS, "columns": COLUMNS, "pixel_mm": PIXEL_MM},
        "optimizer": {"learning_rate": 3e-3, "warm_up_steps": 30, "ema_decay": 0.98},
        "sources": [{"kind": "packed", "share": 1.0, "path": str(packed), "group": group}],
        "validate_every": steps, "checkpoint_every": 50, "validation_slices": 24,
    }  # fmt: skip
    last = folder / LAST
    if not (folder / "done").exists():
        train(segmentation_config(settings), folder, resume=last.exists(), progress=_line)
        (folder / "done").touch()
    return last


def drawn_domains(scanners: list[str], packed: Path, group: str) -> list[dict[str, Any]]:
    """Some simulated scanners, and a target they did not see."""
    return [
        {"name": "scanners", "sources": [{"kind": "drawn", "scanners": scanners, "anatomies": 100}]},
        {"name": "target", "sources": [{"kind": "packed", "path": str(packed), "group": group}]},
    ]


def real_domains(other: str, packed: Path, group: str) -> list[dict[str, Any]]:
    """Real images of the target as other scanners would have stored them, and those of another set, against the target."""
    source = {"kind": "packed", "path": str(packed)}
    shares = [{**source, "group": group, "rescanned": 1.0, "share": 0.6}, {**source, "group": other, "share": 0.4}]
    return [{"name": "scanners", "sources": shares}, {"name": "target", "sources": [{**source, "group": group}]}]


def cycle_gan(
    variant: Mapping[str, Any], domains: list[dict[str, Any]], teacher: Path, folder: Path, steps: int
) -> NetworkMethod:
    """A CycleGAN from the scanners of the first domain to the target, the second."""
    segments = variant.get("variant") != "modanwal" and variant.get("weights", {}).get("dice_target", 1.0) > 0
    teachers = {"teachers": {"model": str(teacher), "source_starts": "target"}} if segments else {}
    settings = {
        "method": "cyclegan", "target": "target", "seed": 31, "steps": steps, "batch_size": 2, "threads": 1,
        "grid": {"rows": ROWS, "columns": COLUMNS, "pixel_mm": PIXEL_MM},
        "domains": domains,
        "cyclegan": {
            "generator": {"width": 12, "blocks": 3, "residual_image": True}, "discriminator_width": 16,
            "radiomics": {"region": "centre", "columns_share": 0.375, "slices": 100}, **teachers, **variant,
        },
        "optimizer": {"learning_rate": 4e-4, "ema_decay": 0.99},
        "validate_every": steps, "checkpoint_every": 50, "panel_every": steps,
    }  # fmt: skip
    return _trained(settings, folder)


def folder_of(name: str) -> str:
    """Where the network of a row of the tables lies."""
    plain = name if name in VARIANTS else f"CycleGAN ablation {name}"
    return plain.lower().replace(" +", " with-").replace(" -", " without-").replace(",", "").replace(" ", "_")


def style_blind(
    scanners: list[str], folder: Path, steps: int, *, image: float = 0.0, start_from: str = ""
) -> dict[str, NetworkMethod]:
    """One HarMOnAE for all of some simulated scanners: a method for each as the target.

    ``image`` is the weight of the image discriminator, ``start_from`` the checkpoint of an earlier one.
    """
    settings = {
        "method": "harmonae", "target": scanners[0], "seed": 32, "steps": steps, "batch_size": len(scanners), "threads": 1,
        "grid": {"rows": ROWS, "columns": COLUMNS, "pixel_mm": PIXEL_MM},
        "domains": [{"name": name, "sources": [{"kind": "drawn", "scanners": [name], "anatomies": 50}]} for name in scanners],
        "harmonae": {
            "network": {"width": 16, "blocks": 4}, "warm_up_steps": 0 if start_from else 100, "discriminator_width": 16,
            "weights": {"reconstruction": 10, "adversarial": 2.0, "latent": 0.2, "image": image},
        },
        "start_from": start_from,
        "optimizer": {"learning_rate": 2e-3, "ema_decay": 0.99, "decay_from": 0.4},
        "validate_every": steps, "checkpoint_every": 50, "panel_every": steps,
    }  # fmt: skip
    _trained(settings, folder)
    return {one.target.name: open_reference(one, "cpu") for one in own_references(folder / "model")}


def _trained(settings: Mapping[str, Any], folder: Path) -> NetworkMethod:
    """Train (or go on), export once, and open as a user would."""
    model = folder / "model"
    if not (folder / "done").exists():
        train_harmonization(harmonization_config(settings), folder, resume=(folder / "last.pt").exists(), progress=_line)
        export_harmonizer(folder / "last.pt", model, None, name=folder.name)
        (folder / "done").touch()
    return open_reference(own_references(model)[0], "cpu")


def _line(state: Progress) -> None:
    sys.stderr.write(f"\r{state.message:90s}")
