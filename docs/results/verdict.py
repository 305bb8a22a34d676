"""Measure what the limits of the verdict rest on, and write docs/results/verdict.md; or make the appearances that are shipped.

    python docs/results/verdict.py [--data ../shared/data] [--rounds 3]
    python docs/results/verdict.py --known RadiomicsQC/spinemr/radiomics/verdict/data/known_appearances.json --data ../shared/data

``--data`` is the folder of real images (not part of this repository); without it only drawn studies are measured.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage
from verdict_cases import Sample, drawn, t1_slices, t2_space

from spinemr.imaging.intensity import rescale_0_255
from spinemr.radiomics.preservation.preservation import Preservation, preservation
from spinemr.radiomics.table import FeatureTable
from spinemr.radiomics.verdict.appearance import image_statistics
from spinemr.radiomics.verdict.case import Case
from spinemr.radiomics.verdict.finding import Outcome
from spinemr.radiomics.verdict.judge import RULES
from spinemr.radiomics.verdict.limits import default_limits
from spinemr.radiomics.verdict.profile import make_profile, write_profile
from spinemr.radiomics.verdict.rule import NotChecked
from spinemr.radiomics.verdict.rules_harmonization import MovedAnatomy
from spinemr.radiomics.verdict.study import Study
from spinemr.synthesis.study import draw_pair, draw_study

HERE = Path(__file__).parent
KNOWN_SEED, MEASURED_SEED, PAIR_SEED = 60000, 70000, 80000
T1_SLICES = 60
GRADES = (Outcome.PASSED, Outcome.REVIEW, Outcome.DISTRUST)
REMAPS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "square root": np.sqrt,
    "inverted": lambda v: 1 - v,
    "up and down": lambda v: 1 - np.abs(2 * v - 1),
    "one period of a sine": lambda v: np.sin(2 * np.pi * v),
    "five random pieces": lambda v: np.interp(v, np.linspace(0, 1, 6), [0.3, 0.9, 0.1, 0.7, 0.2, 0.6]),
    "twelve grey values": lambda v: np.round(12 * v) / 12,
}
PAIRS = (
    ("alder-1.5t-t1", "alder-1.5t-t2"), ("alder-1.5t-t2", "cedar-1.5t-pd"), ("birch-3t-t2", "cedar-1.5t-t1"),
    ("cedar-3t-stir", "alder-1.5t-t1"), ("cedar-1.5t-t1", "cedar-3t-stir"), ("birch-1.5t-flash", "alder-1.5t-t2"),
    ("birch-3t-t2", "birch-1.5t-t1"),
)  # fmt: skip


@dataclass
class Seen:
    """What judging many sound cases came to."""

    decisions: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    figures: dict[str, list[float]] = field(default_factory=dict)

    def add(self, image: sitk.Image, labels: sitk.Image) -> None:
        """Grade every figure of every rule."""
        study, limits, worst = Study.of(Case(image, labels)), default_limits(), 0
        for rule in RULES:
            try:
                measures = list(rule.measures(study))
            except NotChecked:
                continue
            grades = [GRADES.index(limits[measure.limit].grade(measure.figure)[0]) for measure in measures]
            self.rules.update({rule.name} if any(grades) else ())
            worst = max([worst, *grades])
            for measure in measures:
                self.figures.setdefault(measure.limit, []).append(measure.figure)
        self.decisions["pass" if worst == 0 else GRADES[worst].value] += 1


def main() -> None:
    """Read the options and do what they say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--known", type=Path)
    chosen = parser.parse_args()
    if chosen.known:
        make_known(chosen.known, chosen.data, chosen.rounds)
    else:
        lines = [*ABOUT.splitlines(), "", *sound(chosen.data, chosen.rounds), "", *remapped(), "", *shifted(), "", *paired()]
        (HERE / "verdict.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


ABOUT = """# What the limits of the verdict rest on
Made by `python docs/results/verdict.py --data FOLDER`. Sound cases are images with their true masks: whatever is flagged there
is a false alarm, or something the study really has. Drawn studies have pathology at its natural prevalence: fused and remnant
discs, fractures, stenosis, a curved spine. T2-SPACE has slices around the midline only, so every disc is cut at the sides; its
truth tells classes, the numbers (and the sacrum below the lowest disc) come from the software's own count, whose slips are seen
here too. T1 studies are single slices."""


def make_known(target: Path, data: Path | None, rounds: int) -> None:
    """Write the statistics of drawn and, where there are some, real images that are no test cases."""
    samples: Iterable[Sample] = drawn(KNOWN_SEED, rounds)
    if data is not None:
        samples = chain(samples, t2_space(data, held_out=False), islice(t1_slices(data, held_out=False), T1_SLICES))
    found = [(group, image_statistics(image, labels)) for group, _, image, labels in samples]
    made = {"command": "python docs/results/verdict.py --known", "rounds": rounds}
    write_profile(make_profile(FeatureTable(()), found, name="known appearances", made=made), target)


def sound(data: Path | None, rounds: int) -> Iterator[str]:
    """Decisions on sound cases, and the figures by limit."""
    sets: dict[str, Iterable[Sample]] = {f"drawn, {rounds} of each of 12 scanners": drawn(MEASURED_SEED, rounds)}
    if data is not None:
        sets["T2-SPACE, true masks"] = t2_space(data)
        sets["T2-SPACE, of these held out"] = t2_space(data, held_out=True)
        sets["T1 mid-sagittal, held out, single slices"] = t1_slices(data, held_out=True)
    seen: dict[str, Seen] = {}
    yield "## Sound cases"
    yield from ("| set | n | pass | review | do not trust | rules that were not passed |", "|---|---|---|---|---|---|")
    for name, samples in sets.items():
        seen[name] = Seen()
        for _, _, image, labels in samples:
            seen[name].add(image, labels)
        found = seen[name].decisions
        rules = ", ".join(f"{rule} {count}" for rule, count in seen[name].rules.most_common()) or "-"
        yield f"| {name} | {found.total()} | {found['pass']} | {found['review']} | {found['do not trust']} | {rules} |"
    yield from ("", "Figures of all structures, towards the bad side:", "")
    yield from ("| limit | unit | set | n | median | 5 % beyond | worst |", "|---|---|---|---|---|---|---|")
    for limit in default_limits().limits.values():
        for name, one in seen.items():
            if limit.name in one.figures and name != "T2-SPACE, of these held out":
                values = np.array(one.figures[limit.name])
                bad, worst = (95, 100) if limit.worse == "above" else (5, 0)
                cells = [f"{value:.3g}" for value in np.percentile(values, (50, bad, worst))]
                yield f"| {limit.name} | {limit.unit} | {name.split(',')[0]} | {len(values)} | {' | '.join(cells)} |"


def changed(image: sitk.Image, values: NDArray[np.float64]) -> sitk.Image:
    """Values 0 to 1 on the grid of an image."""
    other = sitk.GetImageFromArray((1000 * values).astype(np.float32))
    other.CopyInformation(image)
    return other


def unit(image: sitk.Image) -> NDArray[np.float64]:
    """The grey values of an image from 0 to 1."""
    return rescale_0_255(sitk.GetArrayFromImage(image)).astype(np.float64) / 255


def structure_movement(image: sitk.Image, labels: sitk.Image, found: Preservation) -> float:
    """The largest movement of a structure (upper quartile)."""
    case = Case(image, labels, preservation=found)
    return max(measure.figure for measure in MovedAnatomy().measures(Study.of(case)))


def remapped() -> Iterator[str]:
    """Contrast changes that move nothing, with 1 % of noise."""
    yield "## Contrast changed, nothing moved"
    yield "Grey values 0 to 1 of four drawn studies put through a curve, and 1 % noise added: nothing moves."
    yield from (
        "",
        "| curve | SSIM | edge alignment, least | farthest structure, mm | 95 % of pixels within, mm |",
        "|---|---|---|---|---|",
    )
    rng = np.random.default_rng(5)
    studies = [
        draw_study(PAIR_SEED + n, scanner=name)
        for n, name in enumerate(("alder-1.5t-t1", "birch-3t-t2", "cedar-3t-stir", "cedar-1.5t-pd"))
    ]
    for name, curve in REMAPS.items():
        rows = []
        for study in studies:
            values = unit(study.image)
            found = preservation(
                study.image, changed(study.image, curve(values) + 0.01 * rng.normal(size=values.shape)), study.labels
            )
            rows.append(
                (found.ssim, found.edge_alignment, structure_movement(study.image, study.labels, found), found.moved_p95_mm)
            )
        ssim, edge, moved, p95 = np.array(rows).T
        yield f"| {name} | {ssim.mean():.2f} | {edge.min():.2f} | {moved.max():.2f} | {p95.max():.2f} |"


def shifted() -> Iterator[str]:
    """Local shifts of one structure on top of a contrast change."""
    yield "## One structure moved"
    yield "A disc or a body moved by so many pixels, fading over 10 mm, in an image of inverted contrast."
    yield from (
        "",
        "| shift, pixels | n | found in the structure, pixels (median, least) | review | do not trust |",
        "|---|---|---|---|---|",
    )
    limit = default_limits()["moved_structure"]
    for pixels in (1, 2, 3):
        found, outcomes = [], Counter[str]()
        for number, scanner in enumerate(("alder-1.5t-t1", "birch-3t-t2", "cedar-1.5t-pd")):
            study = draw_study(PAIR_SEED + 50 + number, scanner=scanner)
            for label in (122, 21, 24):
                for axis in (1, 2):
                    moved = moved_structure_mm(study.image, study.labels, label, axis, pixels)
                    found.append(moved / study.image.GetSpacing()[0])
                    outcomes[limit.grade(moved)[0].value] += 1
        cells = f"{np.median(found):.2f}, {min(found):.2f} | {outcomes['review']} | {outcomes['do not trust']}"
        yield f"| {pixels} | {len(found)} | {cells} |"


def moved_structure_mm(image: sitk.Image, labels: sitk.Image, label: int, axis: int, pixels: float) -> float:
    """How far the structure is found to have moved."""
    values, at = 1 - unit(image), sitk.GetArrayFromImage(labels) == label
    centre, spacing = ndimage.center_of_mass(at), image.GetSpacing()[::-1]
    index = np.indices(values.shape, dtype=np.float64)
    far = sum(((index[k] - centre[k]) * spacing[k] / 10) ** 2 for k in (1, 2))
    index[axis] -= pixels * np.exp(-far / 2)
    warped = ndimage.map_coordinates(values, index, order=1, mode="nearest")
    found = preservation(image, changed(image, warped), labels == label)
    return float(np.percentile(sitk.GetArrayFromImage(found.movement_map)[at], 75))


def paired() -> Iterator[str]:
    """The same anatomy on another scanner: noise, point spread and chemical shift differ too."""
    yield "## The same anatomy by another scanner"
    yield "More than a harmonization changes: noise, resolution, and fat that is displaced by the bandwidth (chemical shift;"
    yield "in the last pair it differs by 1 mm)."
    yield from ("", "| pair | SSIM | gradient correlation | edge alignment | farthest structure, mm |", "|---|---|---|---|---|")
    for number, (one, other) in enumerate(PAIRS):
        first, second = draw_pair(PAIR_SEED + 90 + number, (one, other))
        yield pair_row(f"{one}, {other}", first.image, second.image, first.labels)
    own, other = draw_study(PAIR_SEED + 98, scanner="alder-1.5t-t2"), draw_study(PAIR_SEED + 99, scanner="alder-1.5t-t2")
    stranger = sitk.GetImageFromArray(sitk.GetArrayFromImage(other.image))
    stranger.CopyInformation(own.image)
    yield pair_row("another patient, same scanner", own.image, stranger, own.labels)


def pair_row(name: str, image: sitk.Image, other: sitk.Image, labels: sitk.Image) -> str:
    """A pair compared, as a row of the table."""
    found = preservation(image, other, labels)
    moved = structure_movement(image, labels, found)
    return f"| {name} | {found.ssim:.2f} | {found.gradient_correlation:.2f} | {found.edge_alignment:.2f} | {moved:.2f} |"


if __name__ == "__main__":
    main()
