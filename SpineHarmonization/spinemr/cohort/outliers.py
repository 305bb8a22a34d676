"""Studies that lie far from the others: in which number, and how far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spinemr.cohort.dependence import SHAPE
from spinemr.cohort.study_level import Matrix, StudyLevel
from spinemr.cohort.tables import column_names, read_columns
from spinemr.radiomics.report.charts.names import short_name

FAR = 3.5
"""Modified z scores beyond it are called outliers (Iglewicz and Hoaglin 1993)."""
LEAST_STUDIES = 8
"""Fewer have no spread to be far from."""
_CONSISTENT = 0.6745
"""The third quartile of the standard normal distribution."""
_NO_NUMBERS = ("case", "scanner", "group", "label", "structure", "cut_by_view", "from_own_outline")


@dataclass(frozen=True)
class Outlier:
    """A study, how many of its numbers are far out, and the farthest of them."""

    case: str
    far: int
    checked: int
    what: str
    value: float
    middle: float
    """The median of the studies it was held against."""
    z: float


def robust_z(values: Matrix) -> tuple[Matrix, Matrix]:
    """``0.6745 (x - median) / MAD`` of each column, and the medians; NaN where the MAD is zero or values are few."""
    known = np.isfinite(values)
    enough = known.sum(axis=0) >= LEAST_STUDIES
    clean = np.where(known, values, np.nan)
    middle, spread = (np.full(values.shape[1], np.nan) for _ in range(2))
    middle[enough] = np.nanmedian(clean[:, enough], axis=0)
    spread[enough] = np.nanmedian(np.abs(clean[:, enough] - middle[enough]), axis=0)
    spread[~(spread > 1e-12 * np.maximum(np.abs(middle), 1e-12))] = np.nan
    return _CONSISTENT * (clean - middle) / spread, middle


def outliers(level: StudyLevel, measurements: tuple[list[str], Matrix], most: int = 20) -> tuple[Outlier, ...]:
    """The studies with most numbers far out: intensity features within their scanner, measurements among all."""
    names, z, values, middles = _scores(level, measurements)
    if not names:
        return ()
    far = np.abs(z) > FAR
    checked = np.isfinite(z).sum(axis=1)
    farthest = np.nan_to_num(np.abs(z), nan=-1.0).argmax(axis=1)
    order = sorted(range(len(z)), key=lambda row: (-far[row].sum(), -abs(np.nan_to_num(z[row, farthest[row]]))))
    return tuple(
        Outlier(
            level.cases[row], int(far[row].sum()), int(checked[row]), names[farthest[row]],
            float(values[row, farthest[row]]), float(middles[row, farthest[row]]), float(z[row, farthest[row]]),
        )
        for row in order[:most]
        if far[row].any()
    )  # fmt: skip


def _scores(level: StudyLevel, measurements: tuple[list[str], Matrix]) -> tuple[list[str], Matrix, Matrix, Matrix]:
    """Names, scores, values and medians ``[study][number]``."""
    parts: list[tuple[list[str], Matrix, Matrix, Matrix]] = []
    columns = [place for place, name in enumerate(level.features) if SHAPE not in name]
    for (image, kind), all_values in level.values.items():
        if image == "source":
            values = all_values[:, columns]
            names = [f"{kind}: {short_name(level.features[place])}" for place in columns]
            parts.append((names, *_by_scanner(values, level.scanners)))
    names, values = measurements
    z, middle = robust_z(values)
    parts.append((names, z, values, np.broadcast_to(middle, values.shape)))
    joined = [np.concatenate([part[place] for part in parts], axis=1) for place in (1, 2, 3)]
    return [name for part in parts for name in part[0]], joined[0], joined[1], joined[2]


def _by_scanner(values: Matrix, scanners: Sequence[str]) -> tuple[Matrix, Matrix, Matrix]:
    labels = np.array(scanners)
    z, middles = np.full_like(values, np.nan), np.full_like(values, np.nan)
    for scanner in set(scanners):
        rows = labels == scanner
        z[rows], middles[rows] = robust_z(values[rows])
    return z, values, middles


def measured(cases: Sequence[str], root: Path) -> tuple[list[str], Matrix]:
    """Every measurement of every structure as a column, one row a study; structures cut by the view are left out."""
    numbers = [name for name in column_names(root, "measurements") if name not in _NO_NUMBERS]
    told = read_columns(root, "measurements")
    places = {case: place for place, case in enumerate(cases)}
    cut = told.get("cut_by_view", [None] * len(told["case"]))
    found: dict[str, Matrix] = {}
    for row, (case, structure) in enumerate(zip(told["case"], told["structure"], strict=True)):
        for name in numbers if not cut[row] else ():
            value = told[name][row]
            if value is not None:
                key = f"{structure}: {name}"
                if key not in found:
                    found[key] = np.full(len(cases), np.nan)
                found[key][places[case]] = value
    return list(found), np.stack(list(found.values()), axis=1) if found else np.empty((len(cases), 0))
