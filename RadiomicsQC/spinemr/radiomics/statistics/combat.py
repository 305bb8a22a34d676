"""ComBat: takes the scanner out of features after extraction (Johnson 2007; for imaging Fortin 2018)."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinemr.imaging.atomic import write_text_atomic
from spinemr.imaging.errors import ImagingWarning, InputError
from spinemr.imaging.plain_files import json_of, text_of
from spinemr.radiomics.statistics.combat_design import (
    Covariate,
    Covariates,
    batch_columns,
    check_full_rank,
    covariate_columns,
)
from spinemr.radiomics.statistics.combat_priors import BatchEffect, non_parametric_effect, parametric_effect, raw_effect
from spinemr.radiomics.statistics.samples import Matrix, array
from spinemr.radiomics.table import FeatureTable

FORMAT = "spinemr-combat"
VERSION = 1


@dataclass(frozen=True)
class ComBatOptions:
    """How the effects of batches are estimated."""

    reference: str = ""
    """A batch that stays as it is and to which the others are brought; empty for their weighted mean."""
    empirical_bayes: bool = True
    """Learn from all features what batch effects look like; without, each feature is on its own."""
    parametric: bool = True
    mean_only: bool = False
    """Remove shifts, leave scales: for batches of single samples or of different populations."""


@dataclass(frozen=True)
class ComBat:
    """A fitted ComBat: everything needed to apply it to new data of the same batches. Arrays are plain tuples, so it compares."""

    features: tuple[str, ...]
    batches: tuple[str, ...]
    covariates: tuple[Covariate, ...]
    options: ComBatOptions
    grand_mean: tuple[float, ...]
    coefficients: tuple[tuple[float, ...], ...]
    """``[covariate column][feature]``."""
    pooled_variance: tuple[float, ...]
    shift: tuple[tuple[float, ...], ...]
    """``[batch][feature]``, gamma star."""
    scale: tuple[tuple[float, ...], ...]
    """``[batch][feature]``, delta star squared."""
    untouched: tuple[str, ...] = ()
    """Features without variance inside the batches; they are left as they are."""

    def apply(self, values: ArrayLike, batches: Sequence[str], covariates: Covariates | None = None) -> Matrix:
        """``[sample][feature]`` without the batches' effects; samples of the reference batch come back unchanged."""
        matrix = array(values, "the features", axes=2)
        if matrix.shape[1] != len(self.features):
            raise InputError(f"ComBat was fitted with {len(self.features)} features, and here are {matrix.shape[1]}.")
        if len(batches) != len(matrix):
            raise InputError(f"{len(matrix)} samples, but {len(batches)} scanner names.")
        which = batch_columns(batches, self.batches).astype(bool)
        columns = covariate_columns(self.covariates, covariates or {}, len(matrix))
        expected = np.array(self.grand_mean) + columns @ _matrix(self.coefficients, len(self.features))
        deviation = np.sqrt(np.array(self.pooled_variance))
        place = which.argmax(axis=1)
        standardized = (matrix - expected) / deviation
        cleaned = (standardized - np.array(self.shift)[place]) / np.sqrt(np.array(self.scale)[place]) * deviation + expected
        kept = np.isin(self.features, self.untouched)[None, :] | (np.array(batches) == self.options.reference)[:, None]
        return np.where(kept, matrix, cleaned)

    def apply_to_table(self, table: FeatureTable, covariates: Covariates | None = None) -> FeatureTable:
        """A table with the features ComBat knows replaced; scanners are those of its rows."""
        cleaned = self.apply(table.matrix(self.features), [row.scanner for row in table], covariates)
        rows = (
            replace(row, features={**row.features, **dict(zip(self.features, values.tolist(), strict=True))})
            for row, values in zip(table, cleaned, strict=True)
        )
        return FeatureTable(tuple(rows))

    def to_json(self) -> str:
        """Versioned text that :meth:`from_json` reads."""
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> ComBat:
        """A fitted ComBat from its text."""
        try:
            state = json_of(text)
            if (state["format"], state["version"]) != (FORMAT, VERSION):
                raise InputError("This file is not a ComBat of this version.", "Fit it again.")
            model = cls(
                features=tuple(state["features"]),
                batches=tuple(state["batches"]),
                covariates=tuple(Covariate(each["name"], tuple(each["categories"])) for each in state["covariates"]),
                options=ComBatOptions(**state["options"]),
                grand_mean=tuple(state["grand_mean"]),
                coefficients=_rows(state["coefficients"]),
                pooled_variance=tuple(state["pooled_variance"]),
                shift=_rows(state["shift"]),
                scale=_rows(state["scale"]),
                untouched=tuple(state["untouched"]),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise InputError("This file is not a fitted ComBat.") from error
        _check_shapes(model)
        return model

    def save(self, path: Path) -> None:
        """Write the text to a file."""
        write_text_atomic(self.to_json(), path)

    @classmethod
    def load(cls, path: Path) -> ComBat:
        """Read what :meth:`save` wrote."""
        try:
            return cls.from_json(text_of(path))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path.name} cannot be read.", "Give the JSON file of a fitted ComBat.") from error


def fit(
    values: ArrayLike, batches: Sequence[str], covariates: Covariates | None = None, names: Sequence[str] | None = None,
    options: ComBatOptions | None = None,
) -> ComBat:  # fmt: skip
    """Estimate the effects of batches (scanners) on ``[sample][feature]``, covariates' effects held.

    ``y = alpha + X beta + gamma_batch + delta_batch e`` (Johnson 2007, eq. 2.1): least squares for alpha and beta, then shift and
    scale of each batch, drawn towards what all features show.
    """
    options, covariates = options or ComBatOptions(), covariates or {}
    matrix = array(values, "the features", axes=2)
    features = tuple(f"feature_{index}" for index in range(matrix.shape[1])) if names is None else tuple(names)
    known = _checked_batches(matrix, features, batches, options)
    described = tuple(Covariate.of(name, column) for name, column in covariates.items())
    membership = batch_columns(batches, known)
    columns = covariate_columns(described, covariates, len(matrix))
    grand_mean, coefficients, variance = _standardization(matrix, membership, columns, known, options)
    usable = variance > 1e-20 * np.maximum(np.abs(matrix).max(axis=0), 1e-300) ** 2
    _warn_of_untouched(features, usable, options)
    standardized = (matrix - grand_mean - columns @ coefficients)[:, usable] / np.sqrt(variance[usable])
    shift, scale = np.zeros((len(known), len(features))), np.ones((len(known), len(features)))
    for row, name in enumerate(known):
        if name != options.reference:
            effect = _effect(standardized[membership[:, row] > 0], options)
            shift[row, usable], scale[row, usable] = effect.shift, effect.scale
    return ComBat(
        features=features,
        batches=known,
        covariates=described,
        options=options,
        grand_mean=tuple(grand_mean.tolist()),
        coefficients=_rows(coefficients.tolist()),
        pooled_variance=tuple(np.where(usable, variance, 1.0).tolist()),
        shift=_rows(shift.tolist()),
        scale=_rows(scale.tolist()),
        untouched=tuple(name for name, use in zip(features, usable, strict=True) if not use),
    )


def fit_table(table: FeatureTable, covariates: Covariates | None = None, options: ComBatOptions | None = None) -> ComBat:
    """Fit all features of a table; scanners are those of its rows."""
    return fit(table.matrix(), [row.scanner for row in table], covariates, table.names, options)


def _checked_batches(matrix: Matrix, features: Sequence[str], batches: Sequence[str], options: ComBatOptions) -> tuple[str, ...]:
    """The names of the batches in alphabetical order, once nothing is wrong with them."""
    if len(features) != matrix.shape[1]:
        raise InputError(f"{matrix.shape[1]} features, but {len(features)} names.")
    if len(batches) != len(matrix):
        raise InputError(f"{len(matrix)} samples, but {len(batches)} scanner names.")
    if any(not name for name in batches):
        raise InputError("Some samples have no scanner.", "Fill the column scanner.")
    known = tuple(sorted(set(batches)))
    if len(known) < 2:
        raise InputError("All samples are from one scanner.", "ComBat needs two or more.")
    if options.reference and options.reference not in known:
        raise InputError(f"The reference scanner {options.reference} has no samples.", f"There are {', '.join(known)}.")
    single = [name for name in known if list(batches).count(name) < 2]
    if single and not options.mean_only:
        raise InputError(f"Scanner {single[0]} has a single sample, so its scale is unknown.", "Use mean_only, or leave it out.")
    return known


def _standardization(
    matrix: Matrix, membership: Matrix, columns: Matrix, known: Sequence[str], options: ComBatOptions
) -> tuple[NDArray[np.float64], Matrix, NDArray[np.float64]]:
    """Grand mean, covariate coefficients and pooled variance (1/n; of the reference batch alone if there is one)."""
    design = np.concatenate([membership, columns], axis=1)
    check_full_rank(design)
    solution = np.linalg.lstsq(design, matrix, rcond=None)[0]
    squares = (matrix - design @ solution) ** 2
    if options.reference:
        place = known.index(options.reference)
        return solution[place], solution[len(known) :], squares[membership[:, place] > 0].mean(axis=0)
    return membership.mean(axis=0) @ solution[: len(known)], solution[len(known) :], squares.mean(axis=0)


def _warn_of_untouched(features: Sequence[str], usable: NDArray[np.bool_], options: ComBatOptions) -> None:
    if options.empirical_bayes and np.count_nonzero(usable) < 2:
        raise InputError(
            "Empirical Bayes learns from many features, and fewer than two vary within the scanners.",
            "Add features, or set empirical_bayes to false.",
        )
    if not np.all(usable):
        first = next(name for name, use in zip(features, usable, strict=True) if not use)
        count = int(np.count_nonzero(~usable))
        warnings.warn(
            f"ComBat leaves {count} features as they are because they do not vary within the scanners, such as {first}.",
            ImagingWarning, stacklevel=3,
        )  # fmt: skip


def _effect(standardized: Matrix, options: ComBatOptions) -> BatchEffect:
    raw = raw_effect(standardized, options.mean_only)
    if not options.empirical_bayes:
        return raw
    estimate = parametric_effect if options.parametric else non_parametric_effect
    return estimate(standardized, raw, options.mean_only)


def _matrix(rows: ArrayLike, columns: int) -> Matrix:
    return np.array(rows, dtype=np.float64).reshape(-1, columns)


def _rows(table: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in table)


def _check_shapes(model: ComBat) -> None:
    """Refuse a state whose parts do not fit each other."""
    count, batches = len(model.features), len(model.batches)
    columns = sum(covariate.width for covariate in model.covariates)
    wanted = {"grand_mean": 1, "pooled_variance": 1, "shift": batches, "scale": batches, "coefficients": columns}
    try:
        fits = all(_matrix(np.atleast_2d(getattr(model, name)), count).shape[0] == rows for name, rows in wanted.items() if rows)
        positive = np.array([*model.scale, model.pooled_variance]).min() > 0
    except (ValueError, TypeError) as error:
        raise InputError("The parts of this ComBat do not fit each other.", "Fit it again.") from error
    if not (fits and positive):
        raise InputError("The parts of this ComBat do not fit each other.", "Fit it again.")
