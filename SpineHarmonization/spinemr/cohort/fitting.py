"""What other studies are held against, or brought to, fitted on the tables of a cohort: no image is opened again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinemr.cohort.rows import LOOKS_COLUMNS, PERCENTILE_COLUMNS
from spinemr.cohort.tables import batches, column_names, read_columns
from spinemr.harmonization.classical.nyul import Nyul, fit_nyul_percentiles
from spinemr.imaging.anatomy import StructureKind, name_of, structure
from spinemr.imaging.errors import InputError
from spinemr.imaging.provenance import versions
from spinemr.radiomics.statistics.combat import ComBat, ComBatOptions, fit
from spinemr.radiomics.table import KEYS
from spinemr.radiomics.verdict.known import LEAST_WHOLE, Appearances, count_whole
from spinemr.radiomics.verdict.profile import LEAST_STUDIES, FeatureSummary, Profile

MOST_LOOKS = 400
"""Studies whose appearance enters a profile: their distances are found by leaving out each in turn, which costs their square."""
MOST_ROWS = 50_000
"""Rows ComBat is fitted on; of larger tables so many are drawn, the same in every run."""
_SEED = 20261121
Chosen = Mapping[str, str]
"""Scanner and group the studies have to be of; empty for all."""


def nyul_of_cohort(root: Path, *, scanner: str = "", group: str = "") -> Nyul:
    """The scale of the source images, as ``spinemr harmonize --method nyul`` fits it on their files."""
    told = read_columns(root, "studies", ["scanner", "group", *PERCENTILE_COLUMNS])
    rows = np.array([told[name] for name in PERCENTILE_COLUMNS], dtype=np.float64).T
    kept = [place for place in _chosen(told, scanner, group) if np.isfinite(rows[place]).all()]
    return fit_nyul_percentiles(rows[place] for place in kept)


def profile_of_cohort(root: Path, name: str, *, image: str = "source", scanner: str = "", group: str = "") -> Profile:
    """Features by structure and kind, and how the source images look by scanner; column by column, so that memory stays small."""
    told = read_columns(root, "studies", ["case", "scanner", "group", "state", *LOOKS_COLUMNS])
    kept = [place for place in _chosen(told, scanner, group) if told["state"][place] != "failed"]
    if len(kept) < LEAST_STUDIES:
        raise InputError(f"A profile needs at least {LEAST_STUDIES} studies, not {len(kept)}.")
    features = _summaries(root, {told["case"][place] for place in kept}, image)
    looks = [(told["scanner"][place] or "", _looks(told, place)) for place in _drawn(kept, MOST_LOOKS)]
    appearances = Appearances.of(looks) if count_whole(looks) >= LEAST_WHOLE else None
    made = {"versions": versions(), "command": "spinemr cohort fit profile", "image": image, "appearances_of": len(looks)}
    return Profile(name, len(kept), features, appearances, made)


def combat_of_cohort(
    root: Path, *, image: str = "source", reference: str = "", keep_group: bool = False, options: ComBatOptions | None = None
) -> ComBat:
    """ComBat of scanners on the rows of all structures, their differences (and those of groups) kept as covariates."""
    names = tuple(name for name in column_names(root, "features") if name not in KEYS)
    told = read_columns(root, "features", ("case", "image", "scanner", "structure"))
    usable = zip(told["image"], told["scanner"], told["structure"], strict=True)
    rows = _drawn([row for row, (of, *named) in enumerate(usable) if of == image and all(named)], MOST_ROWS)
    if not rows:
        raise InputError(f"No study with a scanner has features of an image {image}.", "A manifest names scanners.")
    matrix = _matrix(root, names, rows)
    whole = np.isfinite(matrix).all(axis=0)
    covariates = {"structure": [told["structure"][row] for row in rows]}
    if keep_group:
        groups = read_columns(root, "studies", ["case", "group"])
        group_of = dict(zip(groups["case"], groups["group"], strict=True))
        covariates["group"] = [group_of[told["case"][row]] or "none" for row in rows]
    kept = tuple(names[place] for place in np.flatnonzero(whole))
    wishes = options or ComBatOptions(reference=reference)
    return fit(matrix[:, whole], [told["scanner"][row] for row in rows], covariates, kept, wishes)


def _chosen(told: Mapping[str, list[Any]], scanner: str, group: str) -> list[int]:
    """The places of studies of a scanner and group."""
    for what, wanted in (("scanner", scanner), ("group", group)):
        known = sorted({name for name in told[what] if name})
        if wanted and wanted not in known:
            raise InputError(f"No study is of the {what} {wanted}.", f"There are {', '.join(known) or 'none'}.")
    pairs = enumerate(zip(told["scanner"], told["group"], strict=True))
    return [place for place, (one, other) in pairs if scanner in ("", one) and group in ("", other)]


def _drawn(places: Sequence[int], most: int) -> list[int]:
    """All of them, or so many at random."""
    if len(places) <= most:
        return list(places)
    drawn = np.random.default_rng(_SEED).choice(len(places), most, replace=False)
    return [places[place] for place in sorted(drawn)]


def _looks(told: Mapping[str, list[Any]], place: int) -> dict[str, float]:
    values = {name.removeprefix("looks_"): told[name][place] for name in LOOKS_COLUMNS}
    return {name: float("nan") if value is None else float(value) for name, value in values.items()}


def _matrix(root: Path, names: Sequence[str], wanted: Sequence[int]) -> NDArray[np.float64]:
    """Features of some rows (in rising order)."""
    parts, start, places = [], 0, np.array(wanted)
    for batch in batches(root, "features", names):
        rows = places[(places >= start) & (places < start + batch.num_rows)] - start
        columns = [batch.column(name).to_numpy(zero_copy_only=False)[rows] for name in names]
        parts.append(np.stack(columns, axis=1).astype(np.float64) if columns else np.empty((len(rows), 0)))
        start += batch.num_rows
    return np.concatenate(parts)


def _summaries(root: Path, cases: set[str], image: str) -> dict[str, dict[str, FeatureSummary]]:
    """By structure ("L4-L5 disc") and kind ("disc"), then by feature."""
    columns = read_columns(root, "features", ("case", "image", "label", "structure"))
    groups: dict[str, list[int]] = {}
    for row, (case, of, label, told) in enumerate(zip(*columns.values(), strict=True)):
        if case not in cases or of != image:
            continue
        for key in dict.fromkeys((told, _kind(label, told))):
            if key:
                groups.setdefault(key, []).append(row)
    places = {key: np.array(rows) for key, rows in groups.items()}
    found: dict[str, dict[str, FeatureSummary]] = {key: {} for key in places}
    for name in column_names(root, "features"):
        if name in KEYS:
            continue
        values = np.concatenate([batch.column(0).to_numpy(zero_copy_only=False) for batch in batches(root, "features", [name])])
        values = values.astype(np.float64)
        for key, rows in places.items():
            finite = values[rows][np.isfinite(values[rows])]
            if len(finite) >= LEAST_STUDIES:
                found[key][name] = FeatureSummary.of(finite)
    return {key: summaries for key, summaries in found.items() if summaries}


def _kind(label: int, told: str) -> str:
    try:
        kind: StructureKind = structure(label).kind
    except ValueError:
        return ""
    return str(kind.value) if name_of(label) == told else ""
