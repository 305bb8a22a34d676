"""Few features for many: those that vary least or repeat best, and of correlated ones the first (Kim 2024, section III-B)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinemr.imaging.errors import InputError
from spinemr.radiomics.statistics.matching import common_names, matched
from spinemr.radiomics.statistics.reliability import IccKind, coefficient_of_variation, intraclass_correlation
from spinemr.radiomics.statistics.samples import Matrix, named
from spinemr.radiomics.table import FeatureTable

Criterion = Literal["cv", "icc"]
Step = Literal["selected", "undefined", "limit", "shortlist", "correlated", "count"]
"""What became of a feature; all but the first say which step dropped it."""
KIM_SHORTLIST = 20
"""Features with the smallest CV that go on to step 2 (Kim 2024, Fig. 7)."""
KIM_CORRELATION_LIMIT = 0.8
"""Kim 2024, Fig. 8."""
KIM_COUNT = 5
"""Features the radiomic-feature loss is made of (Kim 2024, section III-B)."""
GOOD_ICC = 0.75
"""Good reliability begins here, excellent at 0.9 (Koo and Li 2016)."""


@dataclass(frozen=True)
class Candidate:
    """One feature on its way through the selection."""

    name: str
    score: float
    """Coefficient of variation, or ICC; NaN where it is undefined."""
    step: Step
    reason: str
    """A sentence for a person."""
    representative: str
    """The selected feature that stands for this one: itself, or the one it correlates with; empty if dropped before."""
    correlation: float
    """With the representative; NaN if dropped before."""


@dataclass(frozen=True)
class Selection:
    """The selected features, and every candidate in the order of its score with the reason why it stayed or went."""

    criterion: Criterion
    selected: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    shortlist: tuple[str, ...]
    """What step 1 left, best first: the axes of ``correlation``."""
    correlation: NDArray[np.float64] = field(repr=False)
    """Pearson's r among the shortlist, in its order (Kim 2024, Fig. 8)."""
    correlation_limit: float

    @property
    def scores(self) -> dict[str, float]:
        """Score by feature, best first (Kim 2024, Fig. 7)."""
        return {candidate.name: candidate.score for candidate in self.candidates}

    def cluster(self, name: str) -> tuple[str, ...]:
        """The features a selected one stands for, itself first."""
        return tuple(candidate.name for candidate in self.candidates if candidate.representative == name)


def select_features(
    values: FeatureTable | ArrayLike, names: Sequence[str] | None = None, *, shortlist: int | None = KIM_SHORTLIST,
    cv_limit: float = math.inf, correlation_limit: float = KIM_CORRELATION_LIMIT, count: int | None = KIM_COUNT,
    absolute: bool = True,
) -> Selection:  # fmt: skip
    """Step 1 keeps the ``shortlist`` features of smallest CV not above ``cv_limit``; step 2 walks them and drops what correlates.

    A feature goes when its r with one selected before exceeds ``correlation_limit``: its amount, or with ``absolute=False`` only
    positive r. Constant features (CV zero, no correlation) and those with missing values are dropped first.
    """
    matrix, features = named(values, names)
    _enough(matrix, 3)
    flaws = {name: _flaw(matrix[:, column]) for column, name in enumerate(features)}
    scores = {
        name: math.nan if flaws[name] else coefficient_of_variation(matrix[:, column]) for column, name in enumerate(features)
    }
    ranked = sorted((name for name in features if not flaws[name]), key=lambda name: scores[name])
    beyond = {name: f"CV {scores[name]:.3g} is above {cv_limit:g}" for name in ranked if scores[name] > cv_limit}
    rest = [name for name in ranked if name not in beyond]
    chosen = rest if shortlist is None else rest[:shortlist]
    beyond_rank = {name: f"not among the {len(chosen)} features of smallest CV" for name in rest[len(chosen) :]}
    dropped = _dropped("undefined", flaws) | _dropped("limit", beyond) | _dropped("shortlist", beyond_rank)
    columns = matrix[:, [features.index(name) for name in chosen]]
    return _without_correlated("cv", scores, chosen, columns, dropped, _Limits(correlation_limit, count, absolute))


def select_by_icc(
    sessions: Sequence[FeatureTable] | ArrayLike, names: Sequence[str] | None = None, *, kind: IccKind = "2,1",
    icc_limit: float = GOOD_ICC, lower_bound: bool = False, correlation_limit: float = KIM_CORRELATION_LIMIT,
    count: int | None = None, absolute: bool = True,
) -> Selection:  # fmt: skip
    """Features whose ICC over repeats (test-retest) or scanners reaches ``icc_limit``, best first, without correlated ones.

    ``sessions`` are tables of the same cases and labels, or an array ``[session][subject][feature]``. With ``lower_bound`` the
    lower end of the 95 % interval has to reach the limit (Koo and Li 2016). Correlation is that of the subjects' means.
    """
    cube, features = _sessions(sessions, names)
    _enough(cube[0], 3)
    iccs = {name: _icc(cube[:, :, column], kind, lower_bound) for column, name in enumerate(features)}
    scores = {name: score for name, (score, _) in iccs.items()}
    flaws = {name: flaw for name, (_, flaw) in iccs.items()}
    ranked = sorted((name for name in features if not flaws[name]), key=lambda name: -scores[name])
    what = "lower bound of the ICC" if lower_bound else "ICC"
    below = {name: f"{what} {scores[name]:.3f} is below {icc_limit:g}" for name in ranked if scores[name] < icc_limit}
    chosen = [name for name in ranked if name not in below]
    dropped = _dropped("undefined", flaws) | _dropped("limit", below)
    columns = cube.mean(axis=0)[:, [features.index(name) for name in chosen]]
    return _without_correlated("icc", scores, chosen, columns, dropped, _Limits(correlation_limit, count, absolute))


@dataclass(frozen=True)
class _Limits:
    correlation: float
    count: int | None
    absolute: bool

    def __post_init__(self) -> None:
        if not 0 < self.correlation <= 1:
            raise InputError(
                f"A limit of correlation lies between 0 and 1, and {self.correlation:g} does not.", "Kim 2024 has 0.8."
            )
        if self.count is not None and self.count < 1:
            raise InputError("At least one feature has to be selected.")


_Dropped = dict[str, tuple[Step, str]]


def _dropped(step: Step, reasons: dict[str, str]) -> _Dropped:
    return {name: (step, reason) for name, reason in reasons.items() if reason}


def _enough(matrix: Matrix, fewest: int) -> None:
    if len(matrix) < fewest:
        raise InputError(f"{len(matrix)} samples are too few to select features.", f"At least {fewest} are needed.")
    if matrix.shape[1] == 0:
        raise InputError("There are no features to select from.")


def _flaw(values: NDArray[np.float64]) -> str:
    """Why a feature cannot be ranked, or nothing."""
    missing = int(np.count_nonzero(~np.isfinite(values)))
    if missing:
        return f"{missing} of {len(values)} values are missing"
    if np.ptp(values) <= 1e-12 * float(np.abs(values).max()):
        return "constant"
    if abs(float(values.mean())) <= 1e-12 * float(np.abs(values).max()):
        return "its mean is zero, so it has no coefficient of variation"
    return ""


def _icc(ratings: NDArray[np.float64], kind: IccKind, lower_bound: bool) -> tuple[float, str]:
    """ICC (or its lower bound) of ``[session][subject]``, and why there is none."""
    missing = int(np.count_nonzero(~np.isfinite(ratings)))
    if missing:
        return math.nan, f"{missing} of {ratings.size} values are missing"
    if np.ptp(ratings) <= 1e-12 * float(np.abs(ratings).max()):
        return math.nan, "constant"
    estimate = intraclass_correlation(ratings.T, kind).estimate
    return (estimate.low if lower_bound else estimate.value), ""


def _sessions(
    sessions: Sequence[FeatureTable] | ArrayLike, names: Sequence[str] | None
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """``[session][subject][feature]`` and feature names."""
    if isinstance(sessions, (list, tuple)) and sessions and all(isinstance(each, FeatureTable) for each in sessions):
        tables = matched(sessions)
        chosen = common_names(tables, names)
        return np.stack([table.matrix(chosen) for table in tables]), chosen
    cube = np.asarray(sessions, dtype=np.float64)
    if cube.ndim != 3 or cube.shape[0] < 2:
        raise InputError(
            "An ICC needs two sessions or more.", "Pass one table a session, or an array of session, subject and feature."
        )
    _, chosen = named(cube[0], names)
    return cube, chosen


def _without_correlated(
    criterion: Criterion, scores: dict[str, float], shortlist: Sequence[str], values: Matrix, dropped: _Dropped, limits: _Limits
) -> Selection:
    """Walk the shortlist from the best: select what correlates with nothing selected before, until there are enough."""
    r = _correlations(values)
    strength = np.abs(r) if limits.absolute else r
    kept: list[int] = []
    trail: list[Candidate] = []
    for place, name in enumerate(shortlist):
        nearest = max(kept, key=lambda other: strength[place, other], default=None)
        if nearest is not None and strength[place, nearest] > limits.correlation:
            reason = f"r = {r[place, nearest]:.3f} with {shortlist[nearest]}"
            trail.append(Candidate(name, scores[name], "correlated", reason, shortlist[nearest], float(r[place, nearest])))
        elif limits.count is not None and len(kept) >= limits.count:
            trail.append(Candidate(name, scores[name], "count", f"{limits.count} features were selected before it", "", math.nan))
        else:
            kept.append(place)
            trail.append(Candidate(name, scores[name], "selected", "selected", name, 1.0))
    trail += [Candidate(name, scores[name], step, reason, "", math.nan) for name, (step, reason) in dropped.items()]
    best_first = sorted(trail, key=lambda each: _rank(criterion, each.score))
    selected = tuple(shortlist[place] for place in kept)
    return Selection(criterion, selected, tuple(best_first), tuple(shortlist), r, limits.correlation)


def _rank(criterion: Criterion, score: float) -> tuple[bool, float]:
    """Sorts the best first and the undefined last."""
    if math.isnan(score):
        return True, 0.0
    return False, score if criterion == "cv" else -score


def _correlations(values: Matrix) -> NDArray[np.float64]:
    if values.shape[1] == 0:
        return np.empty((0, 0))
    return np.clip(np.corrcoef(values, rowvar=False).reshape(values.shape[1], -1), -1.0, 1.0)
