"""What each harmonization does to segmentation, features and anatomy, on pairs whose truth is known; writes harmonization.md.

    python docs/results/harmonization.py -o out/harmonization

Needs PyTorch. Everything is drawn and trained on the way and remembered in the output folder, so that a run that was stopped goes
on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harmonization_images import TISSUE, Harmonized, Scale, drawn_sets, harmonized, image_of, pack_training, scale_for
from harmonization_judged import DRAWN, SOURCES, TARGET, TRAINED, UNSEEN, Judged, Judges, judged, there_and_back
from harmonization_runs import (
    ABLATION_TABLES,
    ABLATIONS,
    VARIANTS,
    cycle_gan,
    drawn_domains,
    folder_of,
    segmentation_network,
    style_blind,
)
from harmonization_tables import cell, pooled, tables_of
from small_runs import table

from spinemr.harmonization.classical.nyul import fit_nyul
from spinemr.harmonization.classical.white_stripe import WhiteStripe
from spinemr.harmonization.classical.z_score import ZScore
from spinemr.harmonization.inference.network_method import NetworkMethod, open_reference
from spinemr.harmonization.inference.reference import shipped_references
from spinemr.harmonization.method import Method
from spinemr.segmentation.overlap import Overlap
from spinemr.segmentation.training.checkpoint import Checkpoint
from spinemr.segmentation.training.sources import TRAIN, VALIDATION, SliceSet
from spinemr.segmentation.training.validation import overlaps_of

HERE = Path(__file__).parent
TRAINING_ANATOMIES, JUDGED_ANATOMIES = 100, 24
BySource = Mapping[str, Mapping[str, Mapping[str, Overlap]]]
"""By scanner, structure and subject."""
SHIPPED = "HarMOnAE that ships"
BLIND_STEPS = 2
"""Steps of HarMOnAE for each of a CycleGAN, which has several networks in a step."""


@dataclass(frozen=True)
class Entry:
    """A way to harmonize: the method (``None``: nothing is done) and the scale of its results."""

    method: Method | None
    scale: Scale


def methods_of(target: SliceSet, folder: Path, packed: Path, steps: int, blind: Method) -> dict[str, Entry]:
    """Every row of the comparison, and of the ablations."""
    few = [image_of(one) for one in target.slices[:40]]
    teacher = segmentation_network(packed, TARGET, folder / "target network", min(350, steps))
    found: dict[str, Method | None] = {"none": None, "z-score": ZScore(), "white stripe": WhiteStripe(TISSUE)}
    found |= {"Nyul": fit_nyul(few), "HarMOnAE": blind, SHIPPED: _shipped()}
    domains = drawn_domains(list(TRAINED), packed, TARGET)
    for name, variant in (VARIANTS | ABLATIONS).items():
        found[name] = cycle_gan(variant, domains, teacher, folder / folder_of(name), steps)
    sample = SliceSet(target.name, target.slices[:20], target.sets, target.judged)
    return {name: Entry(method, scale_for(method, sample)) for name, method in found.items()}


def _shipped() -> NetworkMethod:
    """The HarMOnAE that comes with SpineMR, to the target."""
    (one,) = (one for one in shipped_references("harmonae") if one.target.name == TARGET)
    return open_reference(one, "cpu")


def true_images(sets: Mapping[str, SliceSet]) -> dict[str, Harmonized]:
    """The target's own images in place of harmonized ones: what could be reached at best."""
    return {name: Harmonized(replace(own, slices=sets[TARGET].slices)) for name, own in sets.items()}


def cycled_rows(blind: Mapping[str, NetworkMethod], sets: Mapping[str, SliceSet]) -> Iterator[tuple[str, ...]]:
    """dSSIM-h and dSSIM-c of HarMOnAE from each trained scanner to the target and back, without the safety net."""
    for name in TRAINED:
        found = there_and_back(blind[name].runtime, blind[TARGET].runtime, sets[name].slices)
        yield name, cell((one.harmonized for one in found), 4), cell((one.cycled or 0.0 for one in found), 4)


def ablations(found: Mapping[str, Judged], more: Mapping[str, BySource]) -> Iterator[str]:
    """What the two segmentation networks and the three Dice losses do."""
    overlaps = {name: one.overlaps for name, one in found.items()} | dict(more)
    (main, *_) = DRAWN.structures
    yield "## Which part of the segmentation losses does it"
    yield f"""{main.capitalize()}s, the radiomic loss left out as in the paper's tables; Dice is the F1 score. S_X, where it is
there, began with the weights of S_Y."""
    measures = {"Dice": "dsc", "IoU": "iou", "precision": "precision", "recall": "recall"}
    for title, rows in ABLATION_TABLES.items():
        cells = ((row, *(cell(pooled(overlaps[name], main, m)) for m in measures.values())) for row, name in rows.items())
        yield from ("", *table((title, *measures), cells))
    yield ""


def page(
    found: Mapping[str, Judged],
    more: Mapping[str, BySource],
    in_domain: Mapping[str, Mapping[str, Overlap]],
    cycled: Iterable[tuple[str, ...]],
    steps: int,
) -> str:
    """The page as Markdown."""
    count = len(found["none"].features[TARGET])
    about = f"""# What harmonization does
Made by `python docs/results/harmonization.py`. {count} drawn anatomies that no training saw, each imaged by
{len(SOURCES)} simulated source scanners and by the target {TARGET}, so that the truth is known: {count * len(SOURCES)} slices
a method. {", ".join(UNSEEN)} was seen by no network trained here. Means over anatomies (an anatomy counts once, however many
scanners saw it) with the 95 % interval of a bootstrap over anatomies. All harmonizers had the same small budget: {steps} steps
of 2 slices ({BLIND_STEPS * steps} of 6 for HarMOnAE), 192 x 128 pixels of 1.4 mm, one seed. The one that ships, which had more
steps and saw all of these scanners and real images, has a row of its own. White stripe takes {TISSUE} for all. Dice is the F1
score. Everything is simulated: that drawn spines behave like patients is not shown here; for real images with simulated
scanners see [harmonization of real images](harmonization_real.md).
"""
    of_cycles = f"""
HarMOnAE from each scanner to {TARGET} and back (dSSIM-c; the paper has less than 0.0025 on brains), both referred to the image
encoded and decoded in its own contrast:
"""
    rows = table(("scanner", "dSSIM-h", "dSSIM-c"), cycled)
    return "\n".join([about, *tables_of(DRAWN, found, in_domain), of_cycles, *rows, "", *ablations(found, more)])


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
    blind = style_blind([TARGET, *TRAINED], arguments.output / "harmonae", BLIND_STEPS * arguments.steps)
    entries = methods_of(training[TARGET], arguments.output, packed, arguments.steps, blind[TARGET])
    sets = drawn_sets([TARGET, *SOURCES], TARGET, "judged", arguments.anatomies, VALIDATION)
    state = Checkpoint.read(arguments.output / "target network" / "last.pt")
    judges = Judges.with_default(state.network_of_averages(), state.config.grid)
    made = {name: {s: harmonized(own, entry.method, entry.scale) for s, own in sets.items()} for name, entry in entries.items()}
    made["the target's own image"] = true_images(sets)
    found = {name: judged(DRAWN, after, sets, judges) for name, after in made.items() if name not in ABLATIONS}
    more = {name: {s: overlaps_of(judges.network, made[name][s].slices, judges.view) for s in SOURCES} for name in ABLATIONS}
    in_domain = overlaps_of(judges.network, sets[TARGET], judges.view)
    text = page(found, more, in_domain, cycled_rows(blind, sets), arguments.steps)
    arguments.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
