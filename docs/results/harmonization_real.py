"""What harmonization does to real images: of simulated scanners, and of other real sets; writes harmonization_real.md.

    python docs/results/harmonization_real.py --packed out/packed.npz -o out/real [--model models/t1.card.json ...]

``--packed`` is made by ``python -m spinemr.segmentation.training.pack`` from real images that are not part of this repository.
The references that ship are judged, those of ``--model``, and networks trained on the way. Needs PyTorch. What was
trained is remembered in the output folder, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harmonization_images import PIXEL_MM, TISSUE, Harmonized, Scale, at_pixel, harmonized, scale_for
from harmonization_judged import Comparison, Judged, Judges, judged, there_and_back
from harmonization_runs import COLUMNS, ROWS, VARIANTS, cycle_gan, folder_of, real_domains, segmentation_network
from harmonization_tables import cell, tables_of
from small_runs import table

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
HARMONIZER_STEPS = 600
ELSEWHERE = """spider_t1t2_slices holds T1 and T2
slices of several scanners, lateral ones too; its label is the whole vertebra with its posterior elements."""
ONLY_BODIES = "A network that\nlearned bodies alone finds only a part of it, so its Dice there is low in every row."


@dataclass(frozen=True)
class Part:
    """One target: a set of real images of one contrast."""

    group: str
    contrast: str
    structures: tuple[str, ...]
    region: str
    other: str
    """The set of another contrast that networks learn to bring here, beside rescanned images of the target."""
    elsewhere: tuple[tuple[str, str], ...]
    """Other real sets, and the structure both they and the target label."""


PARTS = (
    Part(
        "t1_midsagittal", "t1", ("body",), "body", "spider_t2space",
        (("spider_t2space", "body"), ("spider_t1t2_slices", "vertebra")),
    ),
    Part(
        "spider_t2space", "t2", ("disc", "vertebra", "canal"), "vertebra", "t1_midsagittal",
        (("t1_midsagittal", "body"), ("spider_t1t2_slices", "vertebra")),
    ),
)  # fmt: skip
WITHOUT_TRAINING = "spider_t1t2_slices"
"""The set no network here learns from: all of its subjects are judged."""


def by_scanner(found: SliceSet, scanner: str) -> SliceSet:
    """All slices as one other scanner would have stored them: its curve, coil, noise and sharpness are the same for all."""
    seed = (anatomy_seed("results rescanned", scanner),)
    stacks = [rescanned(Stack(one.image[None], ""), 1.0, PIXEL_MM, seed).pixels[0] for one in found.slices]
    return replace(found, slices=tuple(replace(one, image=image) for one, image in zip(found.slices, stacks, strict=True)))


Entry = tuple[Method | None, Scale]
"""A way to harmonize (``None``: nothing is done) and the scale of its results."""


@dataclass(frozen=True)
class Trained:
    """Where the networks of a run come from and go to."""

    packed: Path
    folder: Path
    steps: int


def methods_of(part: Part, teacher: Path, references: list[Reference], run: Trained) -> dict[str, Method | None]:
    """Every row of the comparison."""
    scale = {"Nyul, the scale that ships": shipped_scale(part.contrast)}
    found: dict[str, Method | None] = {"none": None, "z-score": ZScore(), "white stripe": WhiteStripe(TISSUE), **scale}
    domains = real_domains(part.other, run.packed, part.group)
    for name, variant in VARIANTS.items():
        found[name] = cycle_gan(variant, domains, teacher, run.folder / part.contrast / folder_of(name), run.steps)
    return found | {f"{one.name} ({one.method})": open_reference(one, "cpu") for one in references}


def row(name: str, entry: Entry, what: Comparison, sets: Mapping[str, SliceSet], judges: Judges) -> Judged:
    """What a method does to all scanners' images."""
    sys.stderr.write(f"{what.target}: {name}\n")
    return judged(what, {scanner: harmonized(own, *entry) for scanner, own in sets.items()}, sets, judges)


def part_of_page(part: Part, references: list[Reference], run: Trained) -> Iterator[str]:
    """The tables of a target, and what they come from."""
    whole = {found.name: found for found in read_packed(run.packed)}
    known = at_pixel(whole[part.group].only(TRAIN).without_blanks().thinned(20))
    held = at_pixel(whole[part.group].only(VALIDATION).without_blanks().thinned(JUDGED_SLICES))
    sets = {part.group: held} | {name: by_scanner(held, name) for name in SCANNERS}
    what = Comparison(part.group, SCANNERS, part.structures, part.region)
    teacher = segmentation_network(run.packed, part.group, run.folder / f"{part.contrast} network", STEPS)
    state = Checkpoint.read(teacher)
    judges = Judges.with_default(state.network_of_averages(), state.config.grid)
    mine = [one for one in references if one.target.contrast == part.contrast]
    entries = {name: (one, scale_for(one, known)) for name, one in methods_of(part, teacher, mine, run).items()}
    found = {name: row(name, entry, what, sets, judges) for name, entry in entries.items()}
    true = {name: Harmonized(replace(own, slices=held.slices)) for name, own in sets.items()}
    found["the image as it was"] = judged(what, true, sets, judges)
    yield f"## {part.contrast.upper()}: {part.group}"
    count, slices = len(held.subjects), len(held.slices)
    yield f"""n = {count} held-out subjects, {slices} slices, each as {len(SCANNERS)} simulated scanners stored it.
The network that knows only the target learned {STEPS} steps from the training subjects, without any change of appearance."""
    yield ""
    yield from tables_of(what, found, overlaps_of(judges.network, held, judges.view), "###")
    yield ""
    yield from elsewhere(part, entries, whole, judges)
    yield ""
    yield from cycles(part, whole[part.group].only(VALIDATION).without_blanks().thinned(JUDGED_SLICES), mine)


def elsewhere(part: Part, entries: Mapping[str, Entry], whole: Mapping[str, SliceSet], judges: Judges) -> Iterator[str]:
    """Other real sets seen by the network that knows only the target."""
    yield "### Other real sets"
    sets = {}
    for group, structure in part.elsewhere:
        own = whole[group] if group == WITHOUT_TRAINING else whole[group].only(VALIDATION)
        sets[group] = replace(at_pixel(own.without_blanks().thinned(JUDGED_SLICES)), judged=(structure,))
        count, slices = len(sets[group].subjects), len(sets[group].slices)
        yield f"{group}: {structure}, {count} subjects, {slices} slices."
    more = f" {ONLY_BODIES}" if "vertebra" not in part.structures else ""
    yield f"""The network that knows only {part.group} segments them before and after. Nobody knows how they would
have looked there, so there is only Dice, and the share of slices that the safety net gave back. {ELSEWHERE}{more}"""
    yield ""
    rows = []
    for name, entry in entries.items():
        cells = [name]
        for group, structure in part.elsewhere:
            made = harmonized(sets[group], *entry)
            overlaps = overlaps_of(judges.network, made.slices, judges.view)
            cells += [cell(one.dsc for one in overlaps[structure].values()), f"{100 * made.returned:.0f} %"]
        rows.append(tuple(cells))
    heads = [head for group, structure in part.elsewhere for head in (f"{group}, {structure} Dice", "returned")]
    yield from table(("method", *heads), rows)


def cycles(part: Part, held: SliceSet, references: list[Reference]) -> Iterator[str]:
    """Each HarMOnAE from the target's own images to its other targets of the contrast and back."""
    blind = [one for one in references if one.method == "harmonae"]
    rows = []
    for own in (one for one in blind if one.target.name == part.contrast):
        home = open_reference(own, "cpu").runtime
        slices = at_pixel(held, own.card.input.pixel_mm).slices
        for other in (one for one in blind if one.card.name == own.card.name and one is not own):
            found = there_and_back(home, open_reference(other, "cpu").runtime, slices)
            values = (one.harmonized for one in found), (one.cycled or 0.0 for one in found)
            rows.append((f"{own.card.name}: {own.target.name} to {other.target.name}", *(cell(one, 4) for one in values)))
    if rows:
        yield "### There and back"
        yield f"""{len(slices)} held-out slices as they were, to another target and back. dSSIM-h is of the image there, dSSIM-c
of the image that is back (the paper has less than 0.0025 on brains), both against the image encoded and decoded in its own
appearance."""
        yield from ("", *table(("model", "dSSIM-h", "dSSIM-c"), rows), "")


def main() -> None:
    """See the text of the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packed", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--model", type=Path, nargs="*", default=[])
    parser.add_argument("--steps", type=int, default=HARMONIZER_STEPS)
    parser.add_argument("--page", type=Path, default=HERE / "harmonization_real.md")
    arguments = parser.parse_args()
    references = [*shipped_references(), *(one for path in arguments.model for one in own_references(path))]
    run = Trained(arguments.packed, arguments.output, arguments.steps)
    about = f"""# Harmonization of real images
Made by `python docs/results/harmonization_real.py`. Real images of held-out subjects are changed as if other scanners had stored
them (curve of intensities, coil, noise, sharpness; `spinemr.harmonization.training.rescan`), so the image as it was is the truth.
Every simulated scanner is one draw of those changes, the same for all subjects; no training saw these draws, but
the settings of the references that ship were chosen by these subjects with other draws, so their rows may flatter them.
Pixels of {PIXEL_MM} mm. Means over subjects, 95 % interval of a bootstrap over subjects.
Scanners of other contrasts are not simulated here; other real sets stand at the end of each part. CycleGANs that do not ship
were trained on the way: {run.steps} steps of 2 slices of {ROWS} x {COLUMNS} pixels, published weights, no scale; 60 % of their
sources are rescanned images of the target, 40 % images of the other contrast. White stripe takes {TISSUE} for all.
A scale, and a reference that lies on one, also settles how bright each patient is, in the image as it was, too: similarity, PSNR
and features count that as distance to the truth.
"""
    parts = [line for part in PARTS for line in part_of_page(part, references, run)]
    arguments.page.write_text("\n".join([about, *parts]), encoding="utf-8")


if __name__ == "__main__":
    main()
