"""What a person can choose for harmonization: methods, and the reference or target each of them takes; for every front end."""

from __future__ import annotations

from pathlib import Path

from spinemr.harmonization.chosen import AUTO, NYUL
from spinemr.harmonization.classical.scales import SCALE_NAMES
from spinemr.harmonization.inference.reference import shipped_references
from spinemr.harmonization.registry import METHODS
from spinemr.imaging.errors import InputError

TITLES = {
    AUTO: "Automatic", "zscore": "Z-score", "whitestripe": "White stripe", "nyul": "Nyúl", "histogram": "Histogram of an image",
    "cyclegan": "CycleGAN (trained)", "harmonae": "HarMOnAE (trained)",
}  # fmt: skip
"""Methods as users read them."""
NEEDS_IMAGES = "This method needs a reference: choose an image, or several."
NEEDS_NETWORK = "No trained network of this method comes with this version: choose a file of your own."


def method_names() -> list[str]:
    """Every method: automatic first, then those that need no reference, fitted and trained ones."""
    return [AUTO, *sorted(METHODS, key=lambda name: (is_trained(name), takes_images(name)))]


def is_trained(method: str) -> bool:
    """Whether a method is a network, which knows the references it was trained for."""
    entry = METHODS.get(method)
    return entry is not None and entry.fit is None and entry.ready is None


def takes_images(method: str) -> bool:
    """Whether a method is fitted on images, so that any study can be its reference."""
    entry = METHODS.get(method)
    return entry is not None and entry.fit is not None


def takes_file(method: str) -> bool:
    """Whether a reference can be given as a file: images, a fitted method, or a network of one's own."""
    return method == AUTO or takes_images(method) or is_trained(method)


def needs_reference(method: str) -> bool:
    """Whether a method can do nothing without a reference of one's own."""
    return takes_images(method) and method != NYUL


def has_shipped(method: str) -> bool:
    """Whether a network of the method comes with this version."""
    return bool(shipped_references(method))


def target_names(method: str) -> list[str]:
    """What a method brings along to choose from: references of shipped networks, and scales."""
    trained = shipped_references(method) if is_trained(method) else ()
    scales = SCALE_NAMES if method in (AUTO, NYUL) else ()
    return list(dict.fromkeys([*(one.target.name for one in trained), *scales]))


def target_of(method: str, name: str, reference: Path | None) -> str | None:
    """The target of a request: a reference that was given, else a shipped one by its name, else none.

    Refused where the method can do nothing without a reference.
    """
    if reference is not None and takes_file(method):
        return str(reference)
    if needs_reference(method):
        raise InputError(NEEDS_IMAGES)
    if is_trained(method) and not has_shipped(method):
        raise InputError(NEEDS_NETWORK)
    return name if name and name in target_names(method) else None
