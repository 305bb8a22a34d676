"""Structures as instances with names: orphans removed, bodies and discs kept together across slices, levels counted."""

from spinemr.segmentation.instances.label import LabelledSpine, label_spine
from spinemr.segmentation.instances.orphans import OrphanRules, fill_between_slices, remove_orphans
from spinemr.segmentation.instances.report import FoundStructure, NoLumbarSpineError, SpineReport

__all__ = [
    "FoundStructure",
    "LabelledSpine",
    "NoLumbarSpineError",
    "OrphanRules",
    "SpineReport",
    "fill_between_slices",
    "label_spine",
    "remove_orphans",
]
