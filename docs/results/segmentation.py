"""Measure models through the whole of ``spinemr segment`` and write docs/results/segmentation.md.

    python docs/results/segmentation.py --data ../shared/data [--models balanced best]

``--data`` is the folder of real images (not part of this repository; see the models' cards for what they are). Subjects are
those held out from training. Pictures of the worst cases go to ``local/``, which is never committed; what was seen in them
stands in ``segmentation_notes.md`` and is added to the page.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from segmentation_cases import Case, Labels, drawn_cases, real_cases
from small_runs import table

from spinemr.imaging.anatomy import name_of
from spinemr.imaging.overview import contact_sheet, write_picture
from spinemr.segmentation.classes import STRUCTURES, certainly, class_table, possibly
from spinemr.segmentation.inference.model import OpenModel, open_model
from spinemr.segmentation.inference.segment import segment
from spinemr.segmentation.instances import NoLumbarSpineError
from spinemr.segmentation.training.validation import confidence_interval

HERE = Path(__file__).parent
LOCAL = HERE.parents[1] / "local"
AIMS = {
    ("spider_t2space", "disc"): 0.91, ("spider_t2space", "vertebra"): 0.93, ("spider_t2space", "canal"): 0.92,
    ("spider_t1t2_slices", "vertebra"): 0.88, ("t1_midsagittal", "body"): 0.96, ("drawn", "disc"): 0.93,
}  # fmt: skip
ABOUT = """Measured through the whole of `spinemr segment` by `python docs/results/segmentation.py --data FOLDER`, on subjects
held out from training (named in `spinemr/segmentation/training/pack.py`). Dice over all slices of a subject; mean over subjects
with the 95 % interval of a bootstrap over subjects. The same subjects chose the best checkpoint, so the figures are slightly
flattering. Drawn studies: one of each simulated scanner, with pathology at natural prevalence."""
ABOUT_LEVELS = """Of the bones and discs of the truth that were found at all, those that carry the right number. Levels of the
T2-SPACE set are counted from its lowest disc (L5-S1 by its description); those of the T1 set are annotated."""
Counts = NDArray[np.int64]
SMALL_SETS = 15
"""Sets up to this size are listed subject by subject."""


@dataclass
class Outcome:
    """What was measured on all cases with one model."""

    model: OpenModel
    counts: dict[tuple[str, str], dict[str, Counts]] = field(default_factory=dict)
    by_level: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    levels: dict[str, list[bool]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def count(self, case: Case, structure: str, counts: Counts) -> None:
        """Add voxels predicted, true and both to a subject."""
        subjects = self.counts.setdefault((case.origin, structure), {})
        subjects[case.subject] = subjects.get(case.subject, np.zeros(3, np.int64)) + counts

    def dices(self, key: tuple[str, str]) -> dict[str, float]:
        """Dice of each subject."""
        return {s: 2 * both / (mine + true) for s, (mine, true, both) in self.counts[key].items() if true}


def measure(case: Case, outcome: Outcome) -> None:
    """Segment a case and count."""
    start = time.perf_counter()
    try:
        labels = sitk.GetArrayFromImage(segment(case.image, outcome.model).labels)
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
        count_levels(case.origin, labels, case.numbered, outcome)


def count_levels(origin: str, labels: Labels, numbered: Labels, outcome: Outcome) -> None:
    """For each bone and disc of the truth: whether most of what was found there carries its number, and the Dice under it."""
    for number in np.unique(numbered[(numbered >= 19) & (numbered <= 24) | (numbered >= 119) & (numbered <= 124)]):
        true, mine = numbered == number, labels == number
        outcome.by_level.setdefault((origin, int(number)), []).append(float(2 * (true & mine).sum() / (true.sum() + mine.sum())))
        inside = labels[true] % 200
        kind = inside[(inside > 0) & ((inside > 100) == (number > 100)) & (inside < 130)]
        if kind.size > 0.2 * inside.size:
            outcome.levels.setdefault(origin, []).append(bool(np.bincount(kind).argmax() == number))


def summary(outcomes: list[Outcome]) -> Iterator[tuple[object, ...]]:
    """A row for each set and structure."""
    for key in outcomes[0].counts:
        cells: list[object] = [*key, len(outcomes[0].dices(key))]
        for outcome in outcomes:
            values = outcome.dices(key)
            worst = min(values, key=lambda s: values[s])
            low, high = confidence_interval(values.values())
            cells += [f"{np.mean(list(values.values())):.3f} ({low:.3f}-{high:.3f})", f"{values[worst]:.3f} ({worst})"]
        yield (*cells, f"{AIMS[key]:.2f}" if key in AIMS else "")


def by_level(outcomes: list[Outcome]) -> Iterator[tuple[object, ...]]:
    """A row for each level."""
    for key in sorted({key for outcome in outcomes for key in outcome.by_level}):
        means = [f"{np.mean(outcome.by_level[key]):.3f} (lowest {min(outcome.by_level[key]):.3f})" for outcome in outcomes]
        yield (key[0], name_of(key[1]), len(outcomes[0].by_level[key]), *means)


def by_subject(outcome: Outcome) -> Iterator[tuple[object, ...]]:
    """A row for each subject of the small sets."""
    for origin in dict.fromkeys(origin for origin, _ in outcome.counts):
        structures = [structure for found, structure in outcome.counts if found == origin]
        subjects = outcome.counts[origin, structures[0]]
        if len(subjects) <= SMALL_SETS:
            for subject in subjects:
                dices = {s: outcome.dices((origin, s)).get(subject) for s in structures}
                yield origin, subject, ", ".join(f"{s} {dice:.3f}" for s, dice in dices.items() if dice is not None)


def lines_on_levels(outcomes: list[Outcome]) -> Iterator[str]:
    """How many structures carry the right number, and where nothing was found."""
    for outcome in outcomes:
        name = outcome.model.card.name
        right = (f"{origin} {sum(r)} of {len(r)} ({100 * np.mean(r):.1f} %)" for origin, r in outcome.levels.items())
        failed = ", ".join(outcome.failures) or "none"
        median = np.median(outcome.seconds)
        yield f"- `{name}`: {'; '.join(right)}. No lumbar spine found in: {failed}. Median time of a case: {median:.1f} s."


def page(outcomes: list[Outcome]) -> str:
    """The page as Markdown."""
    names = [f"{outcome.model.card.name} {outcome.model.card.version}" for outcome in outcomes]
    both = [title for name in names for title in (f"`{name}` Dice (95 % CI)", "lowest")]
    notes = HERE / "segmentation_notes.md"
    return "\n".join([
        "# How good the segmentation is",
        ABOUT, "",
        *table(("images", "structure", "n", *both, "aim"), summary(outcomes)), "",
        "## Level numbers",
        ABOUT_LEVELS, "",
        *lines_on_levels(outcomes), "",
        "## By level",
        "Dice of what carries the level's number; a wrong number counts as nothing found.", "",
        *table(("images", "level", "n", *(f"`{name}`" for name in names)), by_level(outcomes)), "",
        "## By subject", f"Model `{names[-1]}`; sets of more than {SMALL_SETS} subjects are not listed.", "",
        *table(("images", "subject", "Dice"), by_subject(outcomes[-1])), "",
        notes.read_text(encoding="utf-8") if notes.exists() else "",
    ])  # fmt: skip


def keep_worst(outcome: Outcome, cases: Iterable[Case]) -> None:
    """Pictures of the worst case of each row, for one's own eyes."""
    LOCAL.mkdir(exist_ok=True)
    worst = {(key[0], min(values, key=lambda s: values[s])) for key in outcome.counts if (values := outcome.dices(key))}
    for case in cases:
        if (case.origin, case.subject) in worst and f"{case.origin} {case.subject}" not in outcome.failures:
            picture = contact_sheet(case.image, segment(case.image, outcome.model).labels)
            write_picture(picture, LOCAL / f"{outcome.model.card.name}_{case.origin}_{case.subject}.png")


def main() -> None:
    """Measure, write the page, keep pictures of the worst."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", nargs="+", default=["balanced", "best"])
    parser.add_argument("--page", type=Path, default=HERE / "segmentation.md")
    options = parser.parse_args()
    cases = [*real_cases(options.data), *drawn_cases()]
    outcomes = [Outcome(open_model(name, "cpu")) for name in options.models]
    for outcome in outcomes:
        for case in cases:
            measure(case, outcome)
        keep_worst(outcome, cases)
    options.page.write_text(page(outcomes), encoding="utf-8")
    print(options.page.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
