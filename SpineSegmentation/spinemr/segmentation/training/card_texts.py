"""What a card says that nobody can measure, read from a file, and the last step of every export."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from spinemr.imaging.errors import InputError, OutputError
from spinemr.imaging.model_card import CARD_SUFFIX, TrainingData
from spinemr.imaging.settings_file import parsed, read_text

NOT_STATED = "not stated"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_TEXTS = ("name", "title", "version", "licence", "intended_use", "limits", "recipe", "commit")


@dataclass(frozen=True)
class CardTexts:
    """What nobody can measure: names, licence, use, limits, and what the model was trained on."""

    name: str
    title: str
    version: str
    licence: str
    intended_use: str
    limits: str
    recipe: str
    commit: str
    training_data: tuple[TrainingData, ...]

    @classmethod
    def read(cls, path: Path) -> CardTexts:
        """From a YAML or JSON file with these fields."""
        content = parsed(read_text(path), path)
        if not isinstance(content, dict):
            raise InputError(f"{path.name} is not a list of names and values.")
        texts = {name: str(content.get(name) or "") for name in _TEXTS}
        missing = [name for name, text in texts.items() if not text.strip()]
        entries = content.get("training_data")
        if missing or not isinstance(entries, list) or not entries:
            raise InputError(f"{path.name} does not say: {', '.join(missing) or 'training_data'}.")
        try:
            data = tuple(TrainingData(**entry) for entry in entries)
        except TypeError as error:
            raise InputError(f"In {path.name}: an entry of training_data needs name, licence, citation and n.") from error
        return cls(**texts, training_data=data)

    @classmethod
    def unstated(cls, name: str, title: str, data: Iterable[str]) -> CardTexts:
        """For somebody's own model: every text but title and names of the data says that nobody said it."""
        if not NAME.fullmatch(name):
            raise InputError(f"'{name}' is no name of a model.", "Use a-z, 0-9, dot, dash and underscore.")
        said = dict.fromkeys(_TEXTS, NOT_STATED) | {"name": name, "title": title}
        return cls(**said, training_data=tuple(TrainingData(one, NOT_STATED, NOT_STATED, 1) for one in data))

    def as_fields(self) -> dict[str, str]:
        """The texts by the names of a card's fields."""
        return {name: getattr(self, name) for name in _TEXTS}


def move_model(staged: Path, folder: Path) -> None:
    """Move the files of a finished model in with others, its card last: a model without a card does not exist for anybody."""
    try:
        for path in sorted(staged.iterdir(), key=lambda p: p.name.endswith(CARD_SUFFIX)):
            path.replace(folder / path.name)
        staged.rmdir()
    except OSError as error:
        raise OutputError(f"The model cannot be moved to {folder}.", f"Its files lie in {staged}.") from error
