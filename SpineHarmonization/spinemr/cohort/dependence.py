"""How much features still tell which scanner made an image, before and after harmonization (HarMOnAE, Table 1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spinemr.cohort.study_level import Matrix, StudyLevel
from spinemr.radiomics.statistics.scanner_dependence import FEWEST, DependenceRow, dependence_row, scanner_dependence

SHAPE = "_shape"
"""Part of the names of features that know nothing of intensities."""
MOST_TESTED = 2000
"""Studies that are tested; of more, so many drawn at random. With more every difference is significant, and exact tests take
the product of the numbers of both sides."""
_SEED = 20261121
_TESTS = (("ks", "none"), ("ks", "benjamini-hochberg"), ("welch", "none"), ("welch", "benjamini-hochberg"))


@dataclass(frozen=True)
class Dependence:
    """Of one image and one kind of structure: a row a test and correction, and how far each feature is from scanner-free."""

    image: str
    kind: str
    studies: int
    rows: tuple[DependenceRow, ...]
    distances: dict[str, float]
    """Kolmogorov-Smirnov's D of each feature, its mean over scanners."""


def dependences(level: StudyLevel) -> tuple[Dependence, ...]:
    """Of every image and kind; nothing where fewer than two scanners have studies enough."""
    scanners = usable_scanners(level.scanners)
    if len(scanners) < 2:
        return ()
    kept = _drawn(level.scanners, scanners)
    names = [level.scanners[place] for place in kept]
    columns = [place for place, name in enumerate(level.features) if SHAPE not in name]
    features = [level.features[place] for place in columns]
    found = []
    for (image, kind), values in sorted(level.values.items(), key=lambda one: (one[0][1], one[0][0] != "source")):
        matrix = values[kept][:, columns]
        if matrix.size:
            found.append(_of(image, kind, matrix, names, features))
    return tuple(found)


def _drawn(scanners: Sequence[str], usable: tuple[str, ...]) -> list[int]:
    """The places of the studies that are tested: of every scanner a share, and never fewer than a test needs."""
    places: dict[str, list[int]] = {name: [] for name in usable}
    for place, name in enumerate(scanners):
        if name in places:
            places[name].append(place)
    share = min(1.0, MOST_TESTED / max(1, sum(map(len, places.values()))))
    chance = np.random.default_rng(_SEED)
    kept = [chance.choice(found, max(FEWEST, int(share * len(found))), replace=False) for found in places.values()]
    return sorted(int(place) for place in np.concatenate(kept))


def usable_scanners(scanners: Sequence[str]) -> tuple[str, ...]:
    """Scanners with studies enough for a test, those with most first; studies without a scanner belong to none."""
    counts = Counter(name for name in scanners if name)
    return tuple(name for name, count in counts.most_common() if count >= FEWEST)


def _of(image: str, kind: str, matrix: Matrix, scanners: list[str], features: list[str]) -> Dependence:
    result = scanner_dependence(matrix, scanners, features)
    rows = tuple(dependence_row(result, test, correction) for test, correction in _TESTS)  # type: ignore[arg-type]
    statistic = result.ks_statistic
    known = np.isfinite(statistic).any(axis=0)
    means = np.nanmean(statistic[:, known], axis=0)
    names = [features[place] for place in np.flatnonzero(known)]
    return Dependence(image, kind, len(matrix), rows, dict(zip(names, means.tolist(), strict=True)))
