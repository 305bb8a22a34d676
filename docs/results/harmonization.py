"""What each harmonization does to segmentation, features and anatomy, on pairs whose truth is known; writes harmonization.md.

    python docs/results/harmonization.py -o out/harmonization

Needs PyTorch. Everything is drawn and trained on the way and remembered in the output folder, so that a run that was stopped goes
on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk
from harmonization_images import Scale, drawn_sets, harmonized, image_of, pack_training, scale_for
from harmonization_runs import VARIANTS, cycle_gan, segmentation_network, style_blind
from numpy.typing import NDArray
from small_runs import table

from spinemr.harmonization.classical.nyul import fit_nyul
from spinemr.harmonization.classical.white_stripe import WhiteStripe
from spinemr.harmonization.classical.z_score import ZScore
from spinemr.harmonization.method import Method
from spinemr.radiomics.extraction import extract
from spinemr.radiomics.features.families import NAMES
from spinemr.radiomics.preservation.preservation import preservation
from spinemr.radiomics.preservation.similarity import delta_ssim, ssim
from spinemr.radiomics.settings import Settings
from spinemr.radiomics.statistics.combat import fit as fit_combat
from spinemr.radiomics.statistics.multiple_testing import Correction
from spinemr.radiomics.statistics.scanner_dependence import dependence_row, scanner_dependence
from spinemr.segmentation.classes import class_table
from spinemr.segmentation.overlap import Overlap
from spinemr.segmentation.training.checkpoint import Checkpoint
from spinemr.segmentation.training.sources import TRAIN, VALIDATION, LabelledSlice, SliceSet
from spinemr.segmentation.training.validation import confidence_interval, overlaps_of

if TYPE_CHECKING:
    from torch import nn

    from spinemr.segmentation.training.config import GridSettings

HERE = Path(__file__).parent
TARGET = "alder-1.5t-t2"
TRAINED = ("birch-3t-t2", "cedar-1.5t-t2", "cedar-1.5t-pd", "alder-1.5t-t1", "birch-3t-t1")
UNSEEN = ("cedar-1.5t-t1",)
SOURCES = (*TRAINED, *UNSEEN)
TRAINING_ANATOMIES, JUDGED_ANATOMIES = 100, 24
STRUCTURES = ("disc", "body", "canal")
KIM = ("glcm_Idmn", "glcm_Correlation", "glcm_SumEntropy", "glrlm_ShortRunEmphasis", "glcm_DifferenceEntropy")
TEXTURES = {"glcm": (), "glrlm": (), "glszm": (), "gldm": (), "ngtdm": ()}
COMPARED = Settings(force_2d=True, bin_count=64, feature_classes=TEXTURES)
"""75 texture features of 64 bins, as HarMOnAE compares them."""
MOVED_LIMIT_PIXELS = 0.5


@dataclass(frozen=True)
class Entry:
    """A way to harmonize: the method (``None``: nothing is done) and the scale of its results."""

    method: Method | None
    scale: Scale


@dataclass(frozen=True)
class Judged:
    """What was measured of one way to harmonize."""

    overlaps: Mapping[str, Mapping[str, Mapping[str, Overlap]]]
    """By scanner, structure and anatomy."""
    nearness: Mapping[str, NDArray[np.float64]]
    """SSIM and PSNR to the true image of the target, pair by pair."""
    features: Mapping[str, NDArray[np.float64]]
    """Of each scanner ``[anatomy][feature]``."""
    kept: Mapping[str, NDArray[np.float64]]


def methods_of(target: SliceSet, folder: Path, packed: Path, steps: int) -> dict[str, Entry]:
    """Every row of the comparison."""
    few = [image_of(one) for one in target.slices[:40]]
    teacher = segmentation_network(packed, TARGET, folder / "target network", min(350, steps))
    found: dict[str, Method | None] = {"none": None, "z-score": ZScore(), "white stripe": WhiteStripe(), "Nyul": fit_nyul(few)}
    blind = style_blind([TARGET, *TRAINED], folder / "harmonae", 3 * steps)
    found["HarMOnAE"] = blind[TARGET]
    for name, variant in VARIANTS.items():
        place = folder / name.lower().replace(" +", " with-").replace(" -", " without-").replace(",", "").replace(" ", "_")
        found[name] = cycle_gan(variant, list(TRAINED), packed, TARGET, teacher, place, steps)
    sample = SliceSet(target.name, target.slices[:20], target.sets, target.judged)
    return {name: Entry(method, scale_for(method, sample)) for name, method in found.items()}


def judged(after: Mapping[str, SliceSet], sets: Mapping[str, SliceSet], network: nn.Module, view: GridSettings) -> Judged:
    """Everything about one way to harmonize, from the slices it made; the target's own slices are harmonized too."""
    overlaps = {name: overlaps_of(network, after[name], view) for name in SOURCES}
    features = {name: textures_of(found) for name, found in after.items()}
    nearness: dict[str, list[float]] = {"ssim": [], "psnr": []}
    kept: dict[str, list[float]] = {"dssim": [], "moved p95": [], "moved max": []}
    for name in SOURCES:
        for before, made, truth in zip(sets[name].slices, after[name].slices, sets[TARGET].slices, strict=True):
            nearness["ssim"].append(ssim(made.image.astype(float), truth.image.astype(float), 255.0))
            error = float(np.mean((made.image.astype(float) - truth.image) ** 2))
            nearness["psnr"].append(10 * np.log10(255.0**2 / max(error, 1e-9)))
            kept["dssim"].append(delta_ssim(before.image.astype(float), made.image.astype(float), 255.0).harmonized)
            moved = preservation(image_of(before), image_of(made), spine_mask(before))
            kept["moved p95"].append(moved.moved_p95_mm / before.pixel_mm)
            kept["moved max"].append(moved.moved_max_mm / before.pixel_mm)
    return Judged(overlaps, _arrays(nearness), features, _arrays(kept))


def _arrays(columns: Mapping[str, Sequence[float]]) -> dict[str, NDArray[np.float64]]:
    return {name: np.array(values, dtype=np.float64) for name, values in columns.items()}


def spine_mask(one: LabelledSlice) -> sitk.Image:
    """All that is labelled in a slice."""
    return _like(one, (one.codes > 0).astype(np.uint8))


def _like(one: LabelledSlice, values: NDArray[np.uint8]) -> sitk.Image:
    mask = sitk.GetImageFromArray(values[None])
    mask.CopyInformation(image_of(one))
    return mask


def textures_of(found: SliceSet) -> NDArray[np.float64]:
    """The textures of the vertebral bodies of each slice."""
    rows = []
    for one in found.slices:
        bodies = (class_table()[one.codes] == 1).astype(np.uint8)
        values = extract(image_of(one), _like(one, bodies), COMPARED, labels=[1])[1]
        rows.append([values[name] for name in sorted(values)])
    return np.array(rows)


def feature_names() -> list[str]:
    """The columns of :func:`textures_of`."""
    return sorted(f"original_{family}_{name}" for family in TEXTURES for name in NAMES[family].default)


def pooled(found: Judged, structure: str, measure: str) -> list[float]:
    """The measure of each anatomy, its mean over scanners (an anatomy is one subject, however many scanners see it)."""
    by_anatomy: dict[str, list[float]] = {}
    for scanner in found.overlaps.values():
        for anatomy, overlap in scanner[structure].items():
            by_anatomy.setdefault(anatomy, []).append(getattr(overlap, measure))
    return [float(np.nanmean(values)) for values in by_anatomy.values()]


def cell(values: Sequence[float], digits: int = 3) -> str:
    """Mean and 95 % interval."""
    plain = [value for value in values if np.isfinite(value)]
    if not plain:
        return "-"
    low, high = confidence_interval(plain)
    return f"{np.mean(plain):.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def downstream(found: Mapping[str, Judged], in_domain: Mapping[str, Mapping[str, Overlap]]) -> Iterator[str]:
    """Segmentation by a network that knows only the target."""
    best = {s: float(np.mean([o.dsc for o in in_domain[s].values()])) for s in STRUCTURES}
    floor = {s: float(np.mean(pooled(found["none"], s, "dsc"))) for s in STRUCTURES}
    yield from table(("method", *(f"{s} Dice" for s in STRUCTURES), "disc gap closed"), _dice_rows(found, best, floor))
    yield ""
    yield f"On images of the target itself, same anatomies: {', '.join(f'{s} {best[s]:.3f}' for s in STRUCTURES)}."
    yield ""
    measures = ("iou", "precision", "recall")
    rows = ((name, *(cell(pooled(one, "disc", m)) for m in measures)) for name, one in found.items())
    yield from table(("method", "disc IoU", "disc precision", "disc recall"), rows)
    yield ""
    rows = ((name, *(_of_scanner(one, source) for source in SOURCES)) for name, one in found.items())
    yield from table(("disc Dice by source", *SOURCES), rows)


def _of_scanner(found: Judged, source: str) -> str:
    return f"{np.mean([overlap.dsc for overlap in found.overlaps[source]['disc'].values()]):.3f}"


def _dice_rows(found: Mapping[str, Judged], best: Mapping[str, float], floor: Mapping[str, float]) -> Iterator[tuple[str, ...]]:
    for name, one in found.items():
        gap = (float(np.mean(pooled(one, "disc", "dsc"))) - floor["disc"]) / (best["disc"] - floor["disc"])
        yield name, *(cell(pooled(one, s, "dsc")) for s in STRUCTURES), "-" if name == "none" else f"{100 * gap:.0f} %"


def truth_rows(found: Mapping[str, Judged], names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """How near the images and the five features of Kim 2024 come to the target's own image of the same anatomy."""
    columns = [list(names).index(f"original_{name}") for name in KIM]
    for name, one in found.items():
        reference = found["none"].features[TARGET][:, columns]
        errors = np.concatenate([np.abs(one.features[s][:, columns] - reference) / np.abs(reference) for s in SOURCES])
        yield (
            name, cell(one.nearness["ssim"]), cell(one.nearness["psnr"], 1), *(f"{100 * e:.1f} %" for e in errors.mean(axis=0)),
        )  # fmt: skip


def dependence_rows(found: Mapping[str, Judged]) -> Iterator[tuple[str, ...]]:
    """Percentage of features that tell a scanner from the rest."""
    scanners = [name for name in (TARGET, *SOURCES) for _ in found["none"].features[name]]
    tables = {name: np.concatenate([one.features[s] for s in (TARGET, *SOURCES)]) for name, one in found.items()}
    tables["ComBat on raw features"] = fit_combat(tables["none"], scanners).apply(tables["none"], scanners)
    corrections: tuple[Correction, ...] = ("none", "holm", "benjamini-hochberg")
    for name, values in tables.items():
        result = scanner_dependence(values, scanners, names=[f"{i}" for i in range(values.shape[1])])
        yield name, *(f"{dependence_row(result, test, c).percent:.1f}" for test in ("ks", "welch") for c in corrections)


def kept_rows(found: Mapping[str, Judged]) -> Iterator[tuple[str, ...]]:
    """What happened to the anatomy."""
    for name, one in found.items():
        far = float(np.mean(one.kept["moved max"] > MOVED_LIMIT_PIXELS))
        yield (
            name, cell(one.kept["dssim"]), f"{np.nanmean(one.kept['moved p95']):.2f}", f"{np.nanmax(one.kept['moved max']):.2f}",
            f"{100 * far:.0f} %",
        )  # fmt: skip


def page(found: Mapping[str, Judged], in_domain: Mapping[str, Mapping[str, Overlap]], steps: int) -> str:
    """The page as Markdown."""
    names, count = feature_names(), len(found["none"].features[TARGET])
    lines = [
        "# What harmonization does",
        f"""Made by `python docs/results/harmonization.py`. {count} drawn anatomies that no training saw, each imaged by
{len(SOURCES)} simulated source scanners and by the target {TARGET}, so that the truth is known: {count * len(SOURCES)} slices
a method. {", ".join(UNSEEN)} was seen by no network. Means over anatomies (an anatomy counts once, however many scanners saw it)
with the 95 % interval of a bootstrap over anatomies. All networks had the same small budget: {steps} steps of 2 slices
({3 * steps} of 6 for HarMOnAE), 192 x 128 pixels of 1.4 mm, one seed. They are not the shipped ones, which were trained on real
images too. Everything is simulated: that drawn spines behave like patients is not shown here.""",
        "",
        "## Segmentation by a network that knows only the target",
        *downstream(found, in_domain),
        "",
        "## Distance to the target's own image of the same anatomy",
        "The five features are those of Kim 2024 on the vertebral bodies, 64 bins; mean relative error.",
        "",
        *table(("method", "SSIM", "PSNR in dB", *(name.split("_")[1] for name in KIM)), truth_rows(found, names)),
        "",
        "## Does a feature still tell the scanner?",
        f"""Percentage of {len(names)} texture features (vertebral bodies, 64 bins) that differ between a scanner and the others,
p < 0.05, mean over scanners (HarMOnAE, Table 1), uncorrected and corrected. Every scanner saw the same anatomies.""",
        "",
        *table(("method", "KS", "KS Holm", "KS FDR", "Welch", "Welch Holm", "Welch FDR"), dependence_rows(found)),
        "",
        "## Is the anatomy where it was?",
        """dSSIM-h is 1 minus the similarity to the source: a change of contrast raises it. Movement is in pixels of 1.4 mm, by
matching edges before and after (mean over slices of the 95th percentile, the largest anywhere, and the share of slices with a
movement above half a pixel). Matching edges of two contrasts finds movement where there is none: the row of the target's own
images, which lie exactly on the sources', says how much.""",
        "",
        *table(("method", "dSSIM-h", "moved, p95", "moved, largest", "slices over half a pixel"), kept_rows(found)),
        "",
    ]
    return "\n".join(lines)


def true_images(sets: Mapping[str, SliceSet]) -> dict[str, SliceSet]:
    """The target's own images in place of harmonized ones: what could be reached at best."""
    slices = sets[TARGET].slices
    return {
        name: replace(own, slices=tuple(replace(one, image=truth.image) for one, truth in zip(own.slices, slices, strict=True)))
        for name, own in sets.items()
    }


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
    found = {name: judged(after, sets, network, view) for name, after in made.items()}
    in_domain = overlaps_of(network, sets[TARGET], view)
    arguments.page.write_text(page(found, in_domain, arguments.steps), encoding="utf-8")


if __name__ == "__main__":
    main()
