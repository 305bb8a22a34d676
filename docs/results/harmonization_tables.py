"""The page about harmonization: its tables, and what has to be said to each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from harmonization_judged import Comparison, Judged, feature_names
from small_runs import table

from spinemr.radiomics.statistics.combat import fit as fit_combat
from spinemr.radiomics.statistics.multiple_testing import Correction
from spinemr.radiomics.statistics.scanner_dependence import dependence_row, scanner_dependence
from spinemr.segmentation.overlap import Overlap
from spinemr.segmentation.training.validation import confidence_interval

KIM = ("glcm_Idmn", "glcm_Correlation", "glcm_SumEntropy", "glrlm_ShortRunEmphasis", "glcm_DifferenceEntropy")
MOVED_LIMIT_PIXELS = 0.5


def pooled(overlaps: Mapping[str, Mapping[str, Mapping[str, Overlap]]], structure: str, measure: str) -> list[float]:
    """The measure of each anatomy, its mean over scanners (an anatomy is one subject, however many scanners see it)."""
    by_anatomy: dict[str, list[float]] = {}
    for scanner in overlaps.values():
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


def downstream(
    what: Comparison, found: Mapping[str, Judged], in_domain: Mapping[str, Mapping[str, Overlap]]
) -> Iterator[str]:
    """Segmentation by a network that knows only the target."""
    best = {s: float(np.mean([o.dsc for o in in_domain[s].values()])) for s in what.structures}
    floor = {s: float(np.mean(pooled(found["none"].overlaps, s, "dsc"))) for s in what.structures}
    main = what.structures[0]
    head = ("method", *(f"{s} Dice" for s in what.structures), f"{main} gap closed")
    yield from table(head, _dice_rows(what, found, best, floor))
    yield ""
    yield f"On images of the target itself, same anatomies: {', '.join(f'{s} {best[s]:.3f}' for s in what.structures)}."
    yield ""
    measures = ("iou", "precision", "recall")
    rows = ((name, *(cell(pooled(one.overlaps, main, m)) for m in measures)) for name, one in found.items())
    yield from table(("method", *(f"{main} {word}" for word in ("IoU", "precision", "recall"))), rows)
    yield ""
    by_source = ((name, *(_of_scanner(one, main, source) for source in what.sources)) for name, one in found.items())
    yield from table((f"{main} Dice by source", *what.sources), by_source)
    yield ""
    yield """The default model of SpineMR has seen every contrast and needs no harmonization; here for comparison, with how well
its masks of a slice agree before and after (both of the method's doing and of the model's):"""
    yield ""
    own = ("disc", "vertebra")
    shown = tuple(s for s in what.structures if s != "body") or what.structures
    rows = (
        (name, *(cell(pooled(one.robust, s, "dsc")) for s in shown), *(cell(one.agreement[s]) for s in own))
        for name, one in found.items()
    )
    yield from table(("method", *(f"{s} Dice" for s in shown), *(f"{s}, before and after" for s in own)), rows)


def _of_scanner(found: Judged, structure: str, source: str) -> str:
    return f"{np.mean([overlap.dsc for overlap in found.overlaps[source][structure].values()]):.3f}"


def _dice_rows(
    what: Comparison, found: Mapping[str, Judged], best: Mapping[str, float], floor: Mapping[str, float]
) -> Iterator[tuple[str, ...]]:
    main = what.structures[0]
    gap = best[main] - floor[main]
    for name, one in found.items():
        gained = float(np.mean(pooled(one.overlaps, main, "dsc"))) - floor[main]
        closed = f"{100 * gained / gap:.0f} %" if name != "none" and gap > 0 else "-"
        yield name, *(cell(pooled(one.overlaps, s, "dsc")) for s in what.structures), closed


def truth_rows(what: Comparison, found: Mapping[str, Judged], names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """How near the images and the five features of Kim 2024 come to the target's own image of the same anatomy."""
    columns = [list(names).index(f"original_{name}") for name in KIM]
    for name, one in found.items():
        reference = found["none"].features[what.target][:, columns]
        errors = np.concatenate([np.abs(one.features[s][:, columns] - reference) / np.abs(reference) for s in what.sources])
        similar, noise = (one.slices[column].mean(axis=0) for column in ("ssim", "psnr"))
        yield name, cell(similar), cell(noise, 1), *(f"{100 * error:.1f} %" for error in errors.mean(axis=0))


def dependence_rows(what: Comparison, found: Mapping[str, Judged]) -> Iterator[tuple[str, ...]]:
    """Percentage of features that tell a scanner from the rest."""
    every = (what.target, *what.sources)
    scanners = [name for name in every for _ in found["none"].features[name]]
    tables = {name: np.concatenate([one.features[s] for s in every]) for name, one in found.items()}
    tables["ComBat on raw features"] = fit_combat(tables["none"], scanners).apply(tables["none"], scanners)
    corrections: tuple[Correction, ...] = ("none", "holm", "benjamini-hochberg")
    for name, values in tables.items():
        result = scanner_dependence(values, scanners, names=[f"{i}" for i in range(values.shape[1])])
        yield name, *(f"{dependence_row(result, test, c).percent:.1f}" for test in ("ks", "welch") for c in corrections)


def kept_rows(found: Mapping[str, Judged]) -> Iterator[tuple[str, ...]]:
    """What happened to the anatomy."""
    for name, one in found.items():
        similar, moved, off = cell(one.slices["dssim"].mean(axis=0)), one.slices["moved"], one.slices["off"]
        far = tuple(f"{100 * float(np.mean(largest > MOVED_LIMIT_PIXELS)):.0f} %" for largest in (moved, off))
        yield name, similar, f"{np.nanmax(moved):.2f}", far[0], f"{np.nanmax(off):.2f}", far[1], f"{100 * one.returned:.0f} %"


def tables_of(
    what: Comparison, found: Mapping[str, Judged], in_domain: Mapping[str, Mapping[str, Overlap]], level: str = "##"
) -> Iterator[str]:
    """Every table of a comparison under its heading."""
    names = feature_names()
    yield from (f"{level} Segmentation by a network that knows only the target", *downstream(what, found, in_domain), "")
    yield f"{level} Distance to the target's own image of the same anatomy"
    yield f"The five features are those of Kim 2024 on the structure {what.region}, 64 bins; mean relative error."
    yield ""
    head = ("method", "SSIM", "PSNR in dB", *(name.split("_")[1] for name in KIM))
    yield from (*table(head, truth_rows(what, found, names)), "", f"{level} Does a feature still tell the scanner?")
    yield f"""Percentage of {len(names)} texture features ({what.region}, 64 bins) that differ between a scanner and the others,
p < 0.05, mean over scanners (HarMOnAE, Table 1), uncorrected and corrected. Every scanner saw the same anatomies."""
    yield ""
    head = ("method", "KS", "KS Holm", "KS FDR", "Welch", "Welch Holm", "Welch FDR")
    yield from (*table(head, dependence_rows(what, found)), "", f"{level} Is the anatomy where it was?")
    yield """dSSIM-h is 1 minus the similarity to the source: a change of contrast raises it. Movement is in pixels of 1.4 mm, by
matching edges: the largest anywhere, and the share of slices with one above half a pixel. Matching edges of two contrasts finds
movement where there is none: the row of the target's own images, which lie exactly on the sources', says how much. So movement
is given against the target's own images too, whose anatomy lies in the same place and whose contrast is the wanted one; there
"none" says what is found where nothing was done. Returned: slices that the safety net of networks gave back as they were; they
count as they came back in every table."""
    yield ""
    head = ("method", "dSSIM-h", "moved", "over half a pixel", "off the target's own", "over half a pixel", "returned")
    yield from table(head, kept_rows(found))
