"""Where the files of a model lie, and whether they are those its card describes."""

from __future__ import annotations

from pathlib import Path

from spinemr.imaging.errors import InputError
from spinemr.imaging.model_card import CARD_SUFFIX, ModelCard, ModelFile, model_folders
from spinemr.imaging.provenance import sha256_of

REINSTALL = "Install the package (or copy the model) again."


def card_path(wanted: str) -> Path:
    """The card of a shipped model by its name, or one's own by the path of its ``.card.json``."""
    if wanted.endswith(CARD_SUFFIX):
        return Path(wanted)
    found = {path.name.removesuffix(CARD_SUFFIX): path for folder in model_folders() for path in folder.glob(f"*{CARD_SUFFIX}")}
    if wanted not in found:
        known = f"There are: {', '.join(sorted(found))}." if found else "No models come with this version."
        raise InputError(f"There is no model {wanted}.", f"{known} Your own is named by the path of its {CARD_SUFFIX}.")
    return found[wanted]


def file_of_kind(card: ModelCard, kind: str) -> ModelFile:
    """The file of weights of a kind, as the card calls it."""
    for file in card.files:
        if file.format == kind:
            return file
    raise InputError(f"The model {card.name} has no {kind} file, which this device needs.", "Choose another --device.")


def checked_file(card: ModelCard, file: ModelFile, folder: Path) -> Path:
    """A file of a model; it has to be there and to have the digest the card states."""
    path = folder / file.path
    if not path.is_file():
        raise InputError(f"The weights {path.name} of the model {card.name} are missing.", REINSTALL)
    if sha256_of(path) != file.sha256:
        raise InputError(f"The weights {path.name} are not those the card of {card.name} describes.", REINSTALL)
    return path
