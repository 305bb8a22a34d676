"""The harmonization methods the library knows, and what each needs."""

from __future__ import annotations

from pathlib import Path

import slicer
from slicer.i18n import tr as _

AUTO = "auto"


def methods() -> list[tuple[str, str]]:
    """Name and title of every method: automatic first, then those that need no reference, fitted and trained ones."""
    from spinemr.harmonization.choices import method_names

    return [(name, _titles().get(name, name)) for name in method_names()]


def isTrained(method: str) -> bool:
    """Whether a method is a network, which knows the references it was trained for."""
    from spinemr.harmonization.choices import is_trained

    return is_trained(method)


def takesVolume(method: str) -> bool:
    """Whether a method is fitted on images, so that a loaded volume can be its reference."""
    from spinemr.harmonization.choices import takes_images

    return takes_images(method)


def needsReference(method: str) -> bool:
    """Whether a method can do nothing without a reference of one's own."""
    from spinemr.harmonization.choices import needs_reference

    return needs_reference(method)


def takesFile(method: str) -> bool:
    """Whether a reference can be given as a file: images, a fitted method, or a network of one's own."""
    from spinemr.harmonization.choices import takes_file

    return takes_file(method)


def summary(method: str) -> str:
    """What a method does, in a line."""
    from spinemr.harmonization.registry import METHODS

    if method == AUTO:
        return _("What comes for the contrast of the image: a trained network where there is one, else a scale of percentiles.")
    entry = METHODS.get(method)
    return "" if entry is None else _("What is matched: {what}.").format(what=entry.summary)


def targets(method: str) -> list[tuple[str, str]]:
    """Name and title of the references that come with a method, the choice by contrast first."""
    from spinemr.harmonization.choices import target_names

    names = target_names(method)
    return [("", _("The contrast of the image")), *((name, name) for name in names)] if names else []


def referenceProblem(method: str, volume: slicer.vtkMRMLScalarVolumeNode | None, path: str) -> str:
    """Why a method cannot start with this reference; empty where it can."""
    if (takesVolume(method) and volume is not None) or not takesFile(method):
        return ""
    if path:
        return "" if Path(path).exists() else _("There is no such reference file or folder.")
    if needsReference(method):
        return _("This method needs a reference: choose a loaded volume, or a file or folder.")
    if isTrained(method) and not _shipped(method):
        return _("No trained network of this method comes with this version: choose a file of your own.")
    return ""


def _shipped(method: str) -> bool:
    from spinemr.harmonization.choices import has_shipped

    return has_shipped(method)


def _titles() -> dict[str, str]:
    return {
        AUTO: _("Automatic"), "zscore": _("Z-score"), "whitestripe": _("White stripe"), "nyul": "Nyúl",
        "histogram": _("Histogram of an image"), "cyclegan": _("CycleGAN (trained)"), "harmonae": _("HarMOnAE (trained)"),
    }  # fmt: skip
