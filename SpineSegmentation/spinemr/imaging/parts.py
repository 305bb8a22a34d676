"""Label maps with and without posterior elements told apart from vertebral bodies."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging.anatomy import StructureKind, all_structures, without_parts

LabelArray = NDArray[np.unsignedinteger[Any]]

POSTERIOR_LABELS = tuple(part.label for part in all_structures() if part.kind is StructureKind.POSTERIOR)


def has_parts(labels: LabelArray) -> bool:
    """Whether a map holds posterior elements under numbers of their own."""
    return bool(np.isin(labels, POSTERIOR_LABELS).any())


def united_array(labels: LabelArray) -> LabelArray:
    """The map with each posterior element under the number of its vertebra (L4: 223 becomes 23)."""
    table = np.arange(max(int(labels.max(initial=0)), *POSTERIOR_LABELS) + 1, dtype=labels.dtype)
    table[list(POSTERIOR_LABELS)] = [without_parts(label) for label in POSTERIOR_LABELS]
    return table[labels]


def united(labels: sitk.Image) -> sitk.Image:
    """:func:`united_array` of a label image, on its grid."""
    image: sitk.Image = sitk.GetImageFromArray(united_array(sitk.GetArrayViewFromImage(labels)))
    image.CopyInformation(labels)
    return image
