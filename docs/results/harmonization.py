"""What each harmonization does to segmentation, features and anatomy, on pairs whose truth is known; writes harmonization.md.

    python docs/results/harmonization.py -o out/harmonization

Needs PyTorch. Everything is drawn and trained on the way and remembered in the output folder, so that a run that was stopped goes
on.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harmonization_images import Scale, drawn_sets, harmonized, image_of, pack_training, scale_for
from harmonization_judged import DRAWN, SOURCES, TARGET, TRAINED, UNSEEN, Judged, judged
from harmonization_runs import VARIANTS, cycle_gan, segmentation_network, style_blind
from harmonization_tables import tables_of

from spinemr.harmonization.classical.nyul import fit_nyul
from spinemr.harmonization.classical.white_stripe import WhiteStripe
from spinemr.harmonization.classical.z_score import ZScore
from spinemr.harmonization.method import Method
from spinemr.segmentation.overlap import Overlap
from spinemr.segmentation.training.checkpoint import Checkpoint
from spinemr.segmentation.training.sources import TRAIN, VALIDATION, SliceSet
from spinemr.segmentation.training.validation import overlaps_of

HERE = Path(__file__).parent
TRAINING_ANATOMIES, JUDGED_ANATOMIES = 100, 24
BLIND_STEPS = 2
"""Steps of HarMOnAE for each of a CycleGAN, which has several networks in a step."""


@dataclass(frozen=True)
class Entry:
    """A way to harmonize: the method (``None``: nothing is done) and the scale of its results."""

    method: Method | None
    scale: Scale


def methods_of(target: SliceSet, folder: Path, packed: Path, steps: int) -> dict[str, Entry]:
    """Every row of the comparison."""
    few = [image_of(one) for one in target.slices[:40]]
    teacher = segmentation_network(packed, TARGET, folder / "target network", min(350, steps))
    found: dict[str, Method | None] = {"none": None, "z-score": ZScore(), "white stripe": WhiteStripe(), "Nyul": fit_nyul(few)}
    blind = style_blind([TARGET, *TRAINED], folder / "harmonae", BLIND_STEPS * steps)
    found["HarMOnAE"] = blind[TARGET]
    for name, variant in VARIANTS.items():
        place = folder / name.lower().replace(" +", " with-").replace(" -", " without-").replace(",", "").replace(" ", "_")
        found[name] = cycle_gan(variant, list(TRAINED), packed, TARGET, teacher, place, steps)
    sample = SliceSet(target.name, target.slices[:20], target.sets, target.judged)
    return {name: Entry(method, scale_for(method, sample)) for name, method in found.items()}


def true_images(sets: Mapping[str, SliceSet]) -> dict[str, SliceSet]:
    """The target's own images in place of harmonized ones: what could be reached at best."""
    slices = sets[TARGET].slices
    return {
        name: replace(own, slices=tuple(replace(one, image=truth.image) for one, truth in zip(own.slices, slices, strict=True)))
        for name, own in sets.items()
    }


def page(found: Mapping[str, Judged], in_domain: Mapping[str, Mapping[str, Overlap]], steps: int) -> str:
    """The page as Markdown."""
    count = len(found["none"].features[TARGET])
    about = f"""# What harmonization does
Made by `python docs/results/harmonization.py`. {count} drawn anatomies that no training saw, each imaged by
{len(SOURCES)} simulated source scanners and by the target {TARGET}, so that the truth is known: {count * len(SOURCES)} slices
a method. {", ".join(UNSEEN)} was seen by no network. Means over anatomies (an anatomy counts once, however many scanners saw it)
with the 95 % interval of a bootstrap over anatomies. All harmonizers had the same small budget: {steps} steps of 2 slices
({BLIND_STEPS * steps} of 6 for HarMOnAE), 192 x 128 pixels of 1.4 mm, one seed. They are not the shipped ones, which were trained
on real images. Everything is simulated: that drawn spines behave like patients is not shown here; for real images with simulated
scanners see [harmonization of real images](harmonization_real.md).
"""
    return "\n".join([about, *tables_of(DRAWN, found, in_domain), ""])


def main() -> None:
    """See the text of the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--anatomies", type=int, default=JUDGED_ANATOMIES)
    parser.add_argument("--page", type=Path, default=HERE / "harmonization.md")
    arguments = parser.parse_args()
    training = drawn_sets([TARGET], TARGET, "training", TRAINING_ANATOMIES, TRAIN)
    packed = pack_training(training.values(), arguments.output / "target.npz")
    entries = methods_of(training[TARGET], arguments.output, packed, arguments.steps)
    sets = drawn_sets([TARGET, *SOURCES], TARGET, "judged", arguments.anatomies, VALIDATION)
    state = Checkpoint.read(arguments.output / "target network" / "last.pt")
    network, view = state.network_of_averages(), state.config.grid
    made = {name: {s: harmonized(own, entry.method, entry.scale) for s, own in sets.items()} for name, entry in entries.items()}
    made["the target's own image"] = true_images(sets)
    found = {name: judged(DRAWN, after, sets, network, view) for name, after in made.items()}
    in_domain = overlaps_of(network, sets[TARGET], view)
    arguments.page.write_text(page(found, in_domain, arguments.steps), encoding="utf-8")


if __name__ == "__main__":
    main()
