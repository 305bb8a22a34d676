"""What each feature is: its formula, its code in the IBSI reference manual, its unit, and where pyradiomics and IBSI differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spinemr.imaging.errors import InputError
from spinemr.radiomics.features.catalogue_intensities import FIRST_ORDER, SPINETK
from spinemr.radiomics.features.catalogue_shapes import SHAPE, SHAPE_2D
from spinemr.radiomics.features.catalogue_textures import GLCM, GLDM, GLRLM, GLSZM, NGTDM
from spinemr.radiomics.features.families import NAMES


@dataclass(frozen=True)
class Entry:
    """One feature."""

    family: str
    """pyradiomics' name of its class."""
    name: str
    """pyradiomics' name of it."""
    formula: str
    ibsi: str
    """Four characters; empty where the IBSI reference manual does not define it."""
    unit: str
    """``i`` is the image's unit of intensity; 1 where there is none."""
    remark: str
    default: bool
    """Whether it is computed when none is named."""

    @property
    def full_name(self) -> str:
        """As in tables, for the unfiltered image."""
        return f"original_{self.family}_{self.name}"


@dataclass(frozen=True)
class Family:
    """One class of features."""

    name: str
    title: str
    symbols: str
    """What the letters in its formulas stand for."""


FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (
        Family(
            "firstorder", "First order",
            "X are the N intensities under the mask, m their mean, m_k = sum (X - m)^k / N, P(q) their q-th percentile, p_i the "
            "share of voxels in bin i, c the setting voxelArrayShift (0), v the volume of a voxel.",
        ),
        Family(
            "shape", "Shape (3D)",
            "V and A are volume and area of the surface that marching cubes draw around the mask, N its voxels, v the volume of "
            "one, l1 >= l2 >= l3 the variances of the voxel centres along their principal axes.",
        ),
        Family(
            "shape2D", "Shape (2D)",
            "For masks of one slice, with force2D. A and P are area and perimeter of the outline, N its pixels, a the area of "
            "one, l1 >= l2 the variances of the pixel centres along their principal axes.",
        ),
        Family(
            "glcm", "Grey level co-occurrence matrix",
            "p(i, j) is the probability that neighbours have the levels i and j, made symmetrical; p_x, p_y its sums over rows "
            "and columns; mx, my, sx, sy their means and deviations; p_s(k), p_d(k) the probabilities of i + j = k and of "
            "|i - j| = k; Ng the highest level. The value is the mean over the directions (13 in 3D, 4 in 2D).",
        ),
        Family(
            "glrlm", "Grey level run length matrix",
            "R(i, j) is the number of runs of level i and length j, Nr their sum, Nv the number of voxels, p = R / Nr. The value "
            "is the mean over the directions (13 in 3D, 4 in 2D).",
        ),
        Family(
            "glszm", "Grey level size zone matrix",
            "Z(i, j) is the number of zones of touching voxels (26 neighbours) of level i and of j voxels, Nz their sum, Nv the "
            "number of voxels, p = Z / Nz.",
        ),
        Family(
            "gldm", "Grey level dependence matrix",
            "D(i, j) is the number of voxels of level i of which j - 1 neighbours differ by no more than gldm_a (0), Nv the "
            "number of voxels, p = D / Nv. IBSI calls it the neighbouring grey level dependence matrix (NGLDM).",
        ),
        Family(
            "ngtdm", "Neighbouring grey tone difference matrix",
            "Of the Nv voxels with a neighbour, p_i is the share with level i and s_i the sum of their distances from the mean "
            "level of their neighbours; n the number of levels that occur.",
        ),
        Family(
            "spinetk", "SpineTK's quantities",
            "X are the N intensities under the mask; m_k as above. Scale images to 0-255 first, as SpineTK does.",
        ),
    )
}  # fmt: skip

_ROWS = {
    "firstorder": FIRST_ORDER,
    "shape": SHAPE,
    "shape2D": SHAPE_2D,
    "glcm": GLCM,
    "glrlm": GLRLM,
    "glszm": GLSZM,
    "gldm": GLDM,
    "ngtdm": NGTDM,
    "spinetk": SPINETK,
}
CATALOGUE: tuple[Entry, ...] = tuple(
    Entry(family, name, *row, default=name in NAMES[family].default)
    for family, rows in _ROWS.items()
    for name, row in rows.items()
)
"""Every feature, in the order of tables."""
_BY_NAME = {(entry.family, entry.name): entry for entry in CATALOGUE}


def entry_of(full_name: str) -> Entry:
    """The entry of a column of a table: ``original_glcm_Idmn``, ``log-sigma-1-0-mm-3D_firstorder_Mean`` or ``glcm_Idmn``."""
    parts = full_name.split("_")
    found = _BY_NAME.get((parts[-2], parts[-1])) if len(parts) >= 2 else None
    if found is None:
        raise InputError(f"There is no feature {full_name}.", "Names look like original_glcm_Idmn.")
    return found
