"""What is measured, as typed rows; as dictionaries and as a table."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from spinemr.imaging.anatomy import name_of
from spinemr.imaging.atomic import write_text_atomic


@dataclass(frozen=True)
class VertebraRow:
    """One vertebral body; NaN where it could not be measured."""

    label: int
    height_anterior_mm: float
    height_middle_mm: float
    height_posterior_mm: float
    wedge_deg: float
    """Angle between its end plates, positive where the front is taller."""
    depth_mm: float
    """Front to back, at the end plates."""
    slip_mm: float
    """How far its lower back corner lies before the upper back corner of the bone below, along that end plate."""
    volume_mm3: float
    cut_by_view: bool


@dataclass(frozen=True)
class DiscRow:
    """One disc, measured between the end plates beside it; NaN where it could not be measured."""

    label: int
    height_anterior_mm: float
    height_middle_mm: float
    height_posterior_mm: float
    height_index: float
    """Mean of its three heights over the mean of the heights of the adjacent bodies (Masuda 2005)."""
    angle_deg: float
    """Angle between the end plates beside it, positive where it opens to the front."""
    depth_mm: float
    canal_depth_mm: float
    """Front to back diameter of the canal at its back edge, across the canal, in the midline."""
    volume_mm3: float
    cut_by_view: bool
    from_own_outline: bool
    """Whether an end plate beside it was not labelled, so that the disc's own outline had to do."""


@dataclass(frozen=True)
class SpineMeasurements:
    """All rows from head to foot, and the lordosis."""

    vertebrae: tuple[VertebraRow, ...]
    discs: tuple[DiscRow, ...]
    lordosis_l1_s1_deg: float
    """Cobb angle between the upper end plates of L1 and S1; NaN where one is not in view."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON: NaN is ``None``."""
        return {
            "vertebrae": [_plain(row) for row in self.vertebrae],
            "discs": [_plain(row) for row in self.discs],
            "lordosis_l1_s1_deg": _finite(self.lordosis_l1_s1_deg),
        }

    def as_csv(self) -> str:
        """One line a structure; cells that do not apply, or could not be measured, are empty."""
        text = io.StringIO()
        writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n", restval="")
        writer.writeheader()
        for line in self._lines():
            writer.writerow({name: _cell(value) for name, value in line.items()})
        return text.getvalue()

    def write_csv(self, path: Path) -> None:
        """:meth:`as_csv` into a file, whole or not at all."""
        write_text_atomic(self.as_csv(), path)

    def _lines(self) -> Iterator[dict[str, Any]]:
        by_level: list[VertebraRow | DiscRow] = [*self.vertebrae, *self.discs]
        for row in sorted(by_level, key=lambda row: (row.label % 100, row.label)):
            yield _plain(row)
        yield {"structure": "lumbar spine", "lordosis_l1_s1_deg": _finite(self.lordosis_l1_s1_deg)}


_COLUMNS = (
    "label",
    "structure",
    *dict.fromkeys(field.name for row in (DiscRow, VertebraRow) for field in fields(row) if field.name != "label"),
    "lordosis_l1_s1_deg",
)


def _plain(row: VertebraRow | DiscRow) -> dict[str, Any]:
    values = {name: _finite(value) if isinstance(value, float) else value for name, value in asdict(row).items()}
    return {"label": values.pop("label"), "structure": name_of(row.label), **values}


def _finite(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    return "" if value is None else value
