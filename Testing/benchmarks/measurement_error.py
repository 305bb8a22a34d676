"""How far measurements lie from the truth of drawn spines, and how long naming and measuring takes.

Every spine is drawn as a scanner would slice it, its labels are turned into classes (levels and instances forgotten), named
again and measured: ``python Testing/benchmarks/measurement_error.py [--spines N]``. Errors are measured minus true; n counts
structures. Posterior heights and depths are those of the midline, where the back wall of a body is hollow; the truth's corners
lie 1 to 2 mm farther back. The canal is held against the truth's dural sac at the height of the disc's middle, so that
herniations and leaning lumbosacral discs count as errors here.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict

import numpy as np

from spinemr.imaging.anatomy import Anatomy, posterior_of
from spinemr.segmentation.classes import class_table
from spinemr.segmentation.instances import label_spine
from spinemr.segmentation.measurements import measure
from spinemr.synthesis.anatomy.assemble import draw_spine, stream
from spinemr.synthesis.anatomy.render import render
from spinemr.synthesis.anatomy.request import Request
from spinemr.synthesis.anatomy.truth import measurements
from spinemr.synthesis.study import choose_scanner, plan

PATHOLOGIES = (
    None,
    (),
    ("scoliosis",),
    ("spondylolisthesis",),
    ("fracture",),
    ("sacralised_l5",),
    ("herniation",),
    ("stenosis",),
)
BODY = ("height_anterior_mm", "height_middle_mm", "height_posterior_mm", "wedge_deg", "depth_mm", "slip_mm")
DISC = ("height_anterior_mm", "height_middle_mm", "height_posterior_mm", "angle_deg")


def compare(seed: int, errors: dict[str, list[float]]) -> tuple[int, int, float, bool]:
    """Add the errors of one spine; returns named and wrongly named structures, seconds, and whether L6 is there."""
    spine = draw_spine(seed, Request(None, PATHOLOGIES[seed % len(PATHOLOGIES)]))
    grid = plan(spine, choose_scanner(seed, None, None).protocol, stream(seed, "planning"))
    labels = render(spine, grid).slice_labels()
    truth = measurements(spine)
    start = time.perf_counter()
    found = label_spine(class_table()[labels], grid.spacing_mm)
    measured = measure(found.labels, grid.spacing_mm)
    seconds = time.perf_counter() - start
    true_rows = {entry["label"]: entry for entry in (*truth["vertebrae"], *truth["discs"])}
    whole = [label for label in true_rows if np.count_nonzero(labels == label) > 500]
    wrong = sum(int(np.bincount(found.labels[labels == label]).argmax()) != label for label in whole)
    if truth["lumbar_vertebrae"] == 6:
        return len(whole), wrong, seconds, True
    for names, rows, part in ((BODY, measured.vertebrae, "body"), (DISC, measured.discs, "disc")):
        for row in rows:
            for name in names:
                errors[f"{part} {name}"].append(getattr(row, name) - true_rows[row.label][name])
    for row in measured.discs:
        errors["canal depth_mm"].append(row.canal_depth_mm - true_rows[row.label]["sac_depth_mm"])
    errors["lordosis_deg"].append(measured.lordosis_l1_s1_deg - truth["lordosis_l1_s1_deg"])
    for bone in spine.vertebrae:
        posterior = labels == posterior_of(bone.label)
        if bone.label >= Anatomy.L1 and posterior.any():
            both = np.count_nonzero(posterior & (found.labels == posterior_of(bone.label)))
            total = np.count_nonzero(posterior) + np.count_nonzero(found.labels == posterior_of(bone.label))
            errors["posterior elements 1-DSC"].append(1 - 2 * both / total)
    return len(whole), wrong, seconds, False


def main() -> None:
    """Print a table of mean absolute errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spines", type=int, default=40)
    errors: dict[str, list[float]] = defaultdict(list)
    counts = np.array([compare(seed, errors) for seed in range(1, parser.parse_args().spines + 1)])
    named, wrong, six = counts[:, (0, 1, 3)].sum(axis=0).astype(int)
    print(f"{named} bodies and discs, {wrong} under a wrong number; {six} of {len(counts)} spines have six lumbar vertebrae")
    print(f"naming and measuring: median {np.median(counts[:, 2]):.2f} s, longest {counts[:, 2].max():.2f} s a study")
    print(f"{'':28}{'n':>5}{'MAE':>8}{'bias':>8}{'95 %':>8}")
    for name, values in errors.items():
        finite = np.array([value for value in values if np.isfinite(value)])
        size = np.abs(finite)
        print(f"{name:28}{finite.size:5d}{size.mean():8.2f}{finite.mean():+8.2f}{np.percentile(size, 95):8.2f}")


if __name__ == "__main__":
    main()
