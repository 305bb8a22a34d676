"""References: the appearances that trained networks can give to an image, shipped or made by a user."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from spinemr.imaging.errors import InputError
from spinemr.imaging.harmonizer import HarmonizationTarget, Harmonizer
from spinemr.imaging.model_card import CARD_SUFFIX, ModelCard, shipped_models
from spinemr.imaging.model_files import card_path

NETWORK_METHODS = ("cyclegan", "harmonae")
"""Methods that are networks; where both ship a reference, the first is taken."""
TRAIN_ONE = "Train one with: spinemr train harmonization, or choose --method nyul."


@dataclass(frozen=True)
class Reference:
    """One target of one model."""

    card: ModelCard
    folder: Path
    """Where the card and its files lie."""
    target: HarmonizationTarget

    @property
    def harmonizer(self) -> Harmonizer:
        """What the network does."""
        assert self.card.harmonizer is not None
        return self.card.harmonizer

    @property
    def method(self) -> str:
        """As the command line knows it."""
        return self.harmonizer.method

    @property
    def name(self) -> str:
        """The target within its model."""
        return f"{self.card.name}/{self.target.name}"


def references_in(card: Path) -> tuple[Reference, ...]:
    """Every target of a model, by the path of its card."""
    content = ModelCard.read(card)
    if content.harmonizer is None:
        raise InputError(f"The model {content.name} is for {content.task}, not for harmonization.")
    if content.harmonizer.method not in NETWORK_METHODS:
        raise InputError(f"The model {content.name} has the method {content.harmonizer.method}, which is not known here.")
    return tuple(Reference(content, card.parent, target) for target in content.harmonizer.targets)


def shipped_references(method: str | None = None) -> tuple[Reference, ...]:
    """What came with this installation, the preferred method first."""
    cards = [card for card in shipped_models() if card.harmonizer is not None]
    found = [one for card in cards for one in references_in(card_path(card.name)) if method in (None, one.method)]
    return tuple(sorted(found, key=lambda one: NETWORK_METHODS.index(one.method)))


def own_references(path: Path) -> tuple[Reference, ...]:
    """What a user exported: a card, or a folder with cards of harmonizers; empty where it is neither."""
    if path.name.endswith(CARD_SUFFIX):
        return references_in(path)
    cards = sorted(path.glob(f"*{CARD_SUFFIX}")) if path.is_dir() else []
    return tuple(one for card in cards if ModelCard.read(card).harmonizer is not None for one in references_in(card))


def base_of_targets(model: str | None) -> Reference:
    """The HarMOnAE that new targets are fitted to: by its name or card, or the first that ships."""
    if model is not None:
        return references_in(card_path(model))[0]
    shipped = shipped_references("harmonae")
    if not shipped:
        hint = "Give your own with --model, trained by spinemr train harmonization."
        raise InputError("No HarMOnAE comes with this version.", hint)
    return shipped[0]


def named(references: Iterable[Reference], name: str) -> Reference:
    """The reference a name stands for: MODEL/TARGET, a target, or a model (then its first target)."""
    found = tuple(references)
    matching = [
        *(one for one in found if one.name == name),
        *(one for one in found if one.target.name == name),
        *(one for one in found if one.card.name == name),
    ]
    if not matching:
        raise InputError(f"There is no reference '{name}'.", said(found))
    return matching[0]


def of_contrast(references: Iterable[Reference], contrast: str) -> Reference | None:
    """The first reference whose images have a contrast."""
    return next((one for one in references if one.target.contrast == contrast), None)


def said(references: Iterable[Reference]) -> str:
    """The references there are, in a sentence."""
    names = [one.name for one in references]
    return f"There are: {', '.join(names)}." if names else f"No such reference comes with this version. {TRAIN_ONE}"
