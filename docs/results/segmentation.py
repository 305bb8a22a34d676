"""Measure a model through the whole of ``spinemr segment`` and write docs/results/segmentation.md.

    python docs/results/segmentation.py --data ../shared/data [--model balanced]

``--data`` is the folder of real images (not part of this repository; see the model's card for what they are). Subjects are those
held out from training. Pictures of the worst cases go to ``local/``, which is never committed.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from spinemr.imaging.errors import ImagingWarning
from spinemr.imaging.files import read_labels
from spinemr.imaging.overview import contact_sheet, write_picture
from spinemr.segmentation.classes import STRUCTURES, certainly, class_table, possibly
from spinemr.segmentation.inference.model import OpenModel, open_model
from spinemr.segmentation.inference.segment import segment
from spinemr.segmentation.instances import NoLumbarSpineError
from spinemr.segmentation.training.pack import SETS
from spinemr.segmentation.training.sources import VALIDATION, SliceSet
from spinemr.segmentation.training.validation import confidence_interval
from spinemr.synthesis.scanners import SCANNERS
from spinemr.synthesis.study import draw_study

HERE = Path(__file__).parent
LOCAL = HERE.parents[1] / "local"
STACK_MM = {"spider_t2space": 0.9}
PHANTOM_SEED = 9000
"""Drawn validation studies have seeds from here on; training draws its own from another stream."""
AIMS = {
    ("spider_t2space", "disc"): 0.91, ("spider_t2space", "vertebra"): 0.93, ("spider_t2space", "canal"): 0.92,
    ("spider_t1t2_slices", "vertebra"): 0.88, ("t1_midsagittal", "body"): 0.96, ("drawn", "disc"): 0.93,
}  # fmt: skip
Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class Case:
    """One image and, for each voxel, the set of classes it may have."""

    origin: str
    subject: str
    image: sitk.Image
    truth: Labels
    judged: tuple[str, ...]
    numbered: Labels | None = None
    """Anatomy numbers where the truth has them."""


@dataclass
class Outcome:
    """What was measured on all cases."""

    dice: dict[tuple[str, str], dict[str, NDArray[np.int64]]] = field(default_factory=dict)
    levels: dict[str, list[bool]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def count(self, case: Case, structure: str, counts: NDArray[np.int64]) -> None:
        """Add voxels predicted, true and both to a subject."""
        subjects = self.dice.setdefault((case.origin, structure), {})
        subjects[case.subject] = subjects.get(case.subject, np.zeros(3, np.int64)) + counts

    def dices(self, key: tuple[str, str]) -> dict[str, float]:
        """Dice of each subject."""
        return {s: 2 * both / (mine + true) for s, (mine, true, both) in self.dice[key].items() if true}


def real_cases(data: Path) -> Iterator[Case]:
    """The held-out subjects of every set that is there."""
    for name, read in SETS.items():
        if (data / name).is_dir():
            found = read(data / name).only(VALIDATION)
            yield from stacks(found) if name in STACK_MM else slices(found, data / name)


def stacks(found: SliceSet) -> Iterator[Case]:
    """A subject's slices as one volume."""
    for subject in dict.fromkeys(s.subject for s in found.slices):
        own = [s for s in found.slices if s.subject == subject]
        image = volume(np.stack([s.image for s in own]), own[0].pixel_mm, STACK_MM[found.name])
        codes = np.stack([s.codes for s in own])
        yield Case(found.name, subject, image, found.sets[codes], found.judged, counted_up(codes))


def slices(found: SliceSet, folder: Path) -> Iterator[Case]:
    """Each slice as a study of its own."""
    for own in found.slices:
        image = volume(own.image[None], own.pixel_mm, 4.0)
        yield Case(
            found.name, own.subject, image, found.sets[own.codes[None]], found.judged, t1_numbers(found, folder, own.subject)
        )


def t1_numbers(found: SliceSet, folder: Path, subject: str) -> Labels | None:
    """L1 to L5 of the T1 set under their numbers."""
    if found.name != "t1_midsagittal":
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImagingWarning)
        raw = sitk.GetArrayFromImage(read_labels(folder / "labels" / f"{subject}.png")).reshape(1, *found.slices[0].codes.shape)
    return np.where((raw >= 1) & (raw <= 5), raw + 19, 0).astype(np.uint8)


def counted_up(codes: Labels) -> Labels:
    """Discs numbered from the lowest (L5-S1) upward; only those of a size to be sure of."""
    pieces, count = ndimage.label(codes == 2)
    sizes = ndimage.sum_labels(codes == 2, pieces, range(1, count + 1))
    large = [index + 1 for index, size in enumerate(sizes) if size > 0.25 * np.median(sizes[sizes > 50])]
    heights = {piece: float(np.nonzero(pieces == piece)[1].mean()) for piece in large}
    numbered = np.zeros_like(codes)
    for step, piece in enumerate(sorted(large, key=lambda p: -heights[p])):
        if step < 6:
            numbered[pieces == piece] = 124 - step
    return numbered


def drawn_cases() -> Iterator[Case]:
    """A study of every simulated scanner."""
    for number, name in enumerate(SCANNERS):
        study = draw_study(PHANTOM_SEED + number, scanner=name)
        labels = sitk.GetArrayFromImage(study.labels)
        known = np.left_shift(np.uint8(1), class_table()[labels])
        judged = ("disc", "vertebra", "body", "posterior elements", "canal", "sacrum")
        yield Case("drawn", name, study.image, known, judged, np.where(labels < 200, labels, 0).astype(np.uint8))


def volume(array: NDArray[np.uint8], pixel_mm: float, distance_mm: float) -> sitk.Image:
    """A sagittal stack."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((pixel_mm, pixel_mm, distance_mm))
    image.SetDirection((0, 0, 1, 1, 0, 0, 0, -1, 0))
    return image


def measure(case: Case, model: OpenModel, outcome: Outcome) -> None:
    """Segment a case and count."""
    start = time.perf_counter()
    try:
        labels = sitk.GetArrayFromImage(segment(case.image, model).labels)
    except NoLumbarSpineError:
        outcome.failures.append(f"{case.origin} {case.subject}")
        labels = np.zeros(case.truth.shape, np.uint8)
    outcome.seconds.append(time.perf_counter() - start)
    mine = np.left_shift(np.uint8(1), class_table()[labels])
    for structure in case.judged:
        region = STRUCTURES[structure]
        true, open_ = certainly(case.truth, region), possibly(case.truth, region)
        predicted = certainly(mine, region) & ~(open_ & ~true)
        outcome.count(case, structure, np.array([predicted.sum(), true.sum(), (predicted & true).sum()]))
    if case.numbered is not None:
        outcome.levels.setdefault(case.origin, []).extend(levels_right(labels, case.numbered))


def levels_right(labels: Labels, numbered: Labels) -> list[bool]:
    """For each bone and disc of the truth that was found at all: whether most of it carries the right number."""
    right = []
    for number in np.unique(numbered[(numbered >= 19) & (numbered <= 24) | (numbered >= 119) & (numbered <= 124)]):
        inside = labels[numbered == number] % 200
        kind = inside[(inside > 0) & ((inside > 100) == (number > 100)) & (inside < 130)]
        if kind.size > 0.2 * inside.size:
            right.append(bool(np.bincount(kind).argmax() == number))
    return right


def page(model: OpenModel, outcome: Outcome) -> str:
    """The page as Markdown."""
    lines = [
        "# How good the segmentation is",
        f"Model `{model.card.name}` {model.card.version}, measured through the whole of `spinemr segment` by",
        "`python docs/results/segmentation.py --data FOLDER` on subjects held out from training (which are named in",
        "`spinemr/segmentation/training/pack.py`). Dice over all slices of a subject; mean over subjects with the 95 % interval",
        "of a bootstrap over subjects. The same subjects chose the best checkpoint, so the figures are slightly flattering.",
        "", "| images | structure | n | Dice | 95 % CI | lowest | aim |", "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for key in outcome.dice:
        values = outcome.dices(key)
        low, high = confidence_interval(values.values())
        worst = min(values, key=lambda s: values[s])
        aim = AIMS.get(key)
        reached = "" if aim is None else f"{aim:.2f}"
        mean = np.mean(list(values.values()))
        row = (key[0], key[1], len(values), f"{mean:.3f}", f"{low:.3f}-{high:.3f}", f"{values[worst]:.3f} ({worst})", reached)
        lines.append("| " + " | ".join(str(cell) for cell in row) + " |")
    lines += ["", "| images | structures found | of them with the right level |", "|---|---|---|"]
    for origin, right in outcome.levels.items():
        lines.append(f"| {origin} | {len(right)} | {100 * np.mean(right):.1f} % |")
    failed = ", ".join(outcome.failures) or "none"
    lines += ["", f"No lumbar spine found in: {failed}. Median time of a case here: {np.median(outcome.seconds):.1f} s.", ""]
    lines += [
        "Levels of the T2-SPACE set are counted from its lowest disc (L5-S1 by its description); those of the T1 set are",
        "annotated.",
        "Drawn studies: one of each simulated scanner, with pathology at natural prevalence.",
        "",
    ]
    return "\n".join(lines)


def keep_worst(case: Case, model: OpenModel) -> None:
    """A picture of a case for one's own eyes."""
    LOCAL.mkdir(exist_ok=True)
    labels = segment(case.image, model).labels
    write_picture(contact_sheet(case.image, labels), LOCAL / f"{case.origin}_{case.subject}.png")


def main() -> None:
    """Measure, write the page, keep pictures of the worst."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="balanced")
    parser.add_argument("--page", type=Path, default=HERE / "segmentation.md")
    options = parser.parse_args()
    model = open_model(options.model, "cpu")
    outcome = Outcome()
    cases = {}
    for source in (real_cases(options.data), drawn_cases()):
        for case in source:
            measure(case, model, outcome)
            cases[case.origin, case.subject] = case
    options.page.write_text(page(model, outcome), encoding="utf-8")
    for key in outcome.dice:
        values = outcome.dices(key)
        worst = cases[key[0], min(values, key=lambda s: values[s])]
        if f"{worst.origin} {worst.subject}" not in outcome.failures:
            keep_worst(worst, model)
    print(options.page.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
