"""The page about harmonization: its tables, and what has to be said to each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from harmonization_judged import SOURCES, TARGET, UNSEEN, Judged, feature_names
from small_runs import table

from spinemr.radiomics.statistics.combat import fit as fit_combat
from spinemr.radiomics.statistics.multiple_testing import Correction
from spinemr.radiomics.statistics.scanner_dependence import dependence_row, scanner_dependence
from spinemr.segmentation.overlap import Overlap
from spinemr.segmentation.training.validation import confidence_interval

STRUCTURES = ("disc", "body", "canal")
KIM = ("glcm_Idmn", "glcm_Correlation", "glcm_SumEntropy", "glrlm_ShortRunEmphasis", "glcm_DifferenceEntropy")
MOVED_LIMIT_PIXELS = 0.5


def pooled(found: Judged, structure: str, measure: str) -> list[float]:
    """The measure of each anatomy, its mean over scanners (an anatomy is one subject, however many scanners see it)."""
    by_anatomy: dict[str, list[float]] = {}
    for scanner in found.overlaps.values():
        for anatomy, overlap in scanner[structure].items():
            by_anatomy.setdefault(anatomy, []).append(getattr(overlap, measure))
    return [float(np.nanmean(values)) for values in by_anatomy.values()]


def cell(values: Iterable[float], digits: int = 3) -> str:
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
    gap = best["disc"] - floor["disc"]
    for name, one in found.items():
        gained = float(np.mean(pooled(one, "disc", "dsc"))) - floor["disc"]
        closed = f"{100 * gained / gap:.0f} %" if name != "none" and gap > 0 else "-"
        yield name, *(cell(pooled(one, s, "dsc")) for s in STRUCTURES), closed


def truth_rows(found: Mapping[str, Judged], names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """How near the images and the five features of Kim 2024 come to the target's own image of the same anatomy."""
    columns = [list(names).index(f"original_{name}") for name in KIM]
    for name, one in found.items():
        reference = found["none"].features[TARGET][:, columns]
        errors = np.concatenate([np.abs(one.features[s][:, columns] - reference) / np.abs(reference) for s in SOURCES])
        similar, noise = (one.slices[column].mean(axis=0) for column in ("ssim", "psnr"))
        yield name, cell(similar), cell(noise, 1), *(f"{100 * error:.1f} %" for error in errors.mean(axis=0))


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
        usual, largest = one.slices["moved p95"], one.slices["moved max"]
        far = f"{100 * float(np.mean(largest > MOVED_LIMIT_PIXELS)):.0f} %"
        yield name, cell(one.slices["dssim"].mean(axis=0)), f"{np.nanmean(usual):.2f}", f"{np.nanmax(largest):.2f}", far


def page(found: Mapping[str, Judged], in_domain: Mapping[str, Mapping[str, Overlap]], steps: int) -> str:
    """The page as Markdown."""
    names, count = feature_names(), len(found["none"].features[TARGET])
    lines = [
        "# What harmonization does",
        f"""Made by `python docs/results/harmonization.py`. {count} drawn anatomies that no training saw, each imaged by
{len(SOURCES)} simulated source scanners and by the target {TARGET}, so that the truth is known: {count * len(SOURCES)} slices
a method. {", ".join(UNSEEN)} was seen by no network. Means over anatomies (an anatomy counts once, however many scanners saw it)
with the 95 % interval of a bootstrap over anatomies. All harmonizers had the same small budget: {steps} steps of 2 slices
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
