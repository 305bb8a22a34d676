"""One row a study: means of its features over the structures of a kind, so that rows are independent of each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinemr.cohort.tables import batches, column_names, read_columns
from spinemr.imaging.anatomy import StructureKind, structure
from spinemr.radiomics.table import KEYS

KINDS = {StructureKind.BODY: "vertebrae", StructureKind.DISC: "discs"}
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class StudyLevel:
    """``values[image, kind][study][feature]``; NaN where a study has no such structure or feature."""

    cases: tuple[str, ...]
    scanners: tuple[str, ...]
    groups: tuple[str, ...]
    verdicts: tuple[str, ...]
    features: tuple[str, ...]
    values: Mapping[tuple[str, str], Matrix]

    @property
    def images(self) -> tuple[str, ...]:
        """Which images there are: "source", and "harmonized" where it was wished for."""
        return tuple(dict.fromkeys(image for image, _ in self.values))


def study_level(root: Path) -> StudyLevel:
    """From the tables of a cohort, a row group at a time; studies without folder are left out."""
    told = read_columns(root, "studies", ["case", "scanner", "group", "verdict", "state"])
    kept = [place for place, state in enumerate(told["state"]) if state != "failed"]
    cases = tuple(told["case"][place] for place in kept)
    features = tuple(name for name in column_names(root, "features") if name not in KEYS)
    sums, counts = _added_up(root, {case: place for place, case in enumerate(cases)}, features)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = {key: np.where(counts[key] > 0, sums[key] / counts[key], np.nan) for key in sums}
    scanners, groups, verdicts = (tuple(told[name][place] or "" for place in kept) for name in ("scanner", "group", "verdict"))
    return StudyLevel(cases, scanners, groups, verdicts, features, values)


def kind_of_label(label: int) -> str:
    """What a label is: "vertebrae", "discs" or nothing."""
    try:
        return KINDS.get(structure(label).kind, "")
    except ValueError:
        return ""


def _added_up(
    root: Path, places: Mapping[str, int], features: tuple[str, ...]
) -> tuple[dict[tuple[str, str], Matrix], dict[tuple[str, str], Matrix]]:
    sums: dict[tuple[str, str], Matrix] = {}
    counts: dict[tuple[str, str], Matrix] = {}
    for batch in batches(root, "features"):
        images = batch.column("image").to_pylist()
        kinds = [kind_of_label(label) for label in batch.column("label").to_pylist()]
        at = np.array([places[case] for case in batch.column("case").to_pylist()], dtype=np.intp)
        columns = [batch.column(name).to_numpy(zero_copy_only=False) for name in features]
        matrix = np.stack(columns, axis=1).astype(np.float64) if columns else np.empty((len(at), 0))
        finite = np.isfinite(matrix)
        clean = np.where(finite, matrix, 0.0)
        keys = list(zip(images, kinds, strict=True))
        for key in {key for key in keys if key[1]}:
            rows = np.array([other == key for other in keys])
            shape = (len(places), len(features))
            np.add.at(sums.setdefault(key, np.zeros(shape)), at[rows], clean[rows])
            np.add.at(counts.setdefault(key, np.zeros(shape)), at[rows], finite[rows])
    return sums, counts
