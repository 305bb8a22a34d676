"""Tables of features: one row a case, image and structure, the same columns everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

KEYS = ("case", "image", "scanner", "label", "structure")
"""The first columns of every table; the features follow in the order of :mod:`spinemr.radiomics.features.catalogue`."""


@dataclass(frozen=True)
class FeatureRow:
    """The features of one structure in one image of one case."""

    case: str
    image: str
    """What the image is: "source", "harmonized", "reference", or a name of the user's."""
    label: int
    structure: str
    features: Mapping[str, float] = field(default_factory=dict)
    """By full names as pyradiomics writes them, such as ``original_glcm_Idmn``."""
    scanner: str = ""


@dataclass(frozen=True)
class FeatureTable:
    """Rows in order."""

    rows: tuple[FeatureRow, ...]

    def __iter__(self) -> Iterator[FeatureRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> tuple[str, ...]:
        """Every feature that some row has, in the order of first appearance."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.features))

    def column(self, name: str) -> NDArray[np.float64]:
        """One feature over all rows, NaN where a row has none."""
        return np.array([row.features.get(name, np.nan) for row in self.rows], dtype=np.float64)

    def matrix(self, names: tuple[str, ...] | None = None) -> NDArray[np.float64]:
        """``[row][feature]``."""
        wanted = self.names if names is None else names
        return np.stack([self.column(name) for name in wanted], axis=1) if wanted else np.empty((len(self.rows), 0))

    def where(self, **keys: object) -> FeatureTable:
        """The rows whose keys have the given values: ``table.where(image="source", structure="L4")``."""
        return FeatureTable(tuple(row for row in self.rows if all(getattr(row, key) == value for key, value in keys.items())))
