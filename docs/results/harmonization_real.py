"""What harmonization does to real images whose scanners are simulated; writes harmonization_real.md.

    python docs/results/harmonization_real.py --packed out/packed.npz -o out/real [--model models/t1.card.json ...]

``--packed`` is made by ``python -m spinemr.segmentation.training.pack`` from real images that are not part of this repository.
The references that ship are judged, and those of ``--model``. Needs PyTorch for the network that segments the target alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from harmonization_images import PIXEL_MM, Harmonized, at_pixel, harmonized, scale_for
from harmonization_judged import Comparison, Judged, Judges, judged
from harmonization_runs import segmentation_network
from harmonization_tables import tables_of

from spinemr.harmonization.classical.scales import shipped_scale
from spinemr.harmonization.classical.white_stripe import WhiteStripe
from spinemr.harmonization.classical.z_score import ZScore
from spinemr.harmonization.inference.network_method import open_reference
from spinemr.harmonization.inference.reference import Reference, own_references, shipped_references
from spinemr.harmonization.method import Method
from spinemr.harmonization.training.rescan import rescanned
from spinemr.harmonization.training.stacks import Stack, anatomy_seed
from spinemr.segmentation.training.checkpoint import Checkpoint
from spinemr.segmentation.training.sources import TRAIN, VALIDATION, SliceSet, read_packed
from spinemr.segmentation.training.validation import overlaps_of

HERE = Path(__file__).parent
SCANNERS = ("A", "B", "C", "D")
JUDGED_SLICES = 48
STEPS = 350


@dataclass(frozen=True)
class Part:
    """One target: a set of real images of one contrast."""

    group: str
    contrast: str
    structures: tuple[str, ...]
    region: str


PARTS = (
    Part("t1_midsagittal", "t1", ("body",), "body"),
    Part("spider_t2space", "t2", ("disc", "vertebra", "canal"), "vertebra"),
)


def by_scanner(found: SliceSet, scanner: str) -> SliceSet:
    """All slices as one other scanner would have stored them: its curve, coil, noise and sharpness are the same for all."""
    seed = (anatomy_seed("results rescanned", scanner),)
    stacks = [rescanned(Stack(one.image[None], ""), 1.0, PIXEL_MM, seed).pixels[0] for one in found.slices]
    return replace(found, slices=tuple(replace(one, image=image) for one, image in zip(found.slices, stacks, strict=True)))


def methods_of(contrast: str, references: list[Reference]) -> dict[str, Method | None]:
    """Every row of the comparison."""
    scale = {"Nyul, the scale that ships": shipped_scale(contrast)}
    plain: dict[str, Method | None] = {"none": None, "z-score": ZScore(), "white stripe": WhiteStripe(), **scale}
    return plain | {f"{one.name} ({one.method})": open_reference(one, "cpu") for one in references}


def part_of_page(part: Part, packed: Path, folder: Path, references: list[Reference]) -> Iterator[str]:
    """The tables of a target, and what they come from."""
    (whole,) = (found for found in read_packed(packed) if found.name == part.group)
    known = at_pixel(whole.only(TRAIN).without_blanks().thinned(40))
    held = at_pixel(whole.only(VALIDATION).without_blanks().thinned(JUDGED_SLICES))
    sets = {part.group: held} | {name: by_scanner(held, name) for name in SCANNERS}
    what = Comparison(part.group, SCANNERS, part.structures, part.region)
    state = Checkpoint.read(segmentation_network(packed, part.group, folder / f"{part.contrast} network", STEPS))
    judges = Judges.with_default(state.network_of_averages(), state.config.grid)
    found: dict[str, Judged] = {}
    mine = [one for one in references if one.target.contrast == part.contrast]
    for name, method in methods_of(part.contrast, mine).items():
        scale = scale_for(method, replace(known, slices=known.slices[:20]))
        found[name] = judged(what, {n: harmonized(own, method, scale) for n, own in sets.items()}, sets, judges)
    true = {name: Harmonized(replace(own, slices=held.slices)) for name, own in sets.items()}
    found["the image as it was"] = judged(what, true, sets, judges)
    yield f"## {part.contrast.upper()}: {part.group}"
    count, slices = len(held.subjects), len(held.slices)
    yield f"""n = {count} held-out subjects, {slices} slices, each as {len(SCANNERS)} simulated scanners stored it.
The network that knows only the target learned {STEPS} steps from the training subjects, without any change of appearance."""
    yield ""
    yield from tables_of(what, found, overlaps_of(judges.network, held, judges.view), "###")
    yield ""


def main() -> None:
    """See the text of the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packed", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--model", type=Path, nargs="*", default=[])
    parser.add_argument("--page", type=Path, default=HERE / "harmonization_real.md")
    arguments = parser.parse_args()
    references = [*shipped_references(), *(one for path in arguments.model for one in own_references(path))]
    about = f"""# Harmonization of real images
Made by `python docs/results/harmonization_real.py`. Real images of held-out subjects are changed as if other scanners had stored
them (curve of intensities, coil, noise, sharpness; `spinemr.harmonization.training.rescan`), so the image as it was is the truth.
Every simulated scanner is one draw of those changes, the same for all subjects; no training saw these draws, but
the settings of the references that ship were chosen by these subjects with other draws, so their rows may flatter them.
Pixels of {PIXEL_MM} mm. Means over subjects, 95 % interval of a bootstrap over subjects.
Scanners of other contrasts are not simulated here.
A scale, and a reference that lies on one, also settles how bright each patient is, in the image as it was, too: similarity, PSNR
and features count that as distance to the truth.
"""
    parts = [line for part in PARTS for line in part_of_page(part, arguments.packed, arguments.output, references)]
    arguments.page.write_text("\n".join([about, *parts]), encoding="utf-8")


if __name__ == "__main__":
    main()
