"""Open a model by its name or by its card: check its weights, choose what runs it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spinemr.imaging.errors import InputError, SpineMRError
from spinemr.imaging.model_card import CARD_SUFFIX, ModelCard, ModelFile, model_folders
from spinemr.imaging.provenance import sha256_of
from spinemr.segmentation.inference.runtime import OpenVinoRuntime, Runtime, TorchRuntime, chosen_device

if TYPE_CHECKING:
    from torch import nn

DEFAULT_MODEL = "balanced"
REINSTALL = "Install the package (or copy the model) again."


@dataclass(frozen=True)
class OpenModel:
    """A model that is ready: its card, what runs it, and the digest of the weights in use."""

    card: ModelCard
    runtime: Runtime
    sha256: str


def open_model(wanted: str = DEFAULT_MODEL, device: str = "auto", *, threads: int = 0) -> OpenModel:
    """Open a shipped model by name, or one's own by the path of its ``.card.json``.

    The weights have to have the digest the card states. On the processor OpenVINO runs the ONNX file, elsewhere
    PyTorch the safetensors.
    """
    path = _card_path(wanted)
    card = ModelCard.read(path)
    if card.task != "segmentation":
        raise InputError(f"The model {card.name} is for {card.task}, not for segmentation.")
    target = chosen_device(device)
    file = _file(card, "onnx" if target == "cpu" else "safetensors")
    weights = _checked(path.parent / file.path, file, card)
    if target == "cpu":
        return OpenModel(card, OpenVinoRuntime(weights, threads), file.sha256)
    return OpenModel(card, TorchRuntime(network_in(weights), target), file.sha256)


def torch_network(wanted: str = DEFAULT_MODEL) -> nn.Module:
    """The network of a model with its weights, in PyTorch: to run it elsewhere or to train it further."""
    path = _card_path(wanted)
    card = ModelCard.read(path)
    file = _file(card, "safetensors")
    return network_in(_checked(path.parent / file.path, file, card))


def _card_path(wanted: str) -> Path:
    if wanted.endswith(CARD_SUFFIX):
        return Path(wanted)
    found = {path.name.removesuffix(CARD_SUFFIX): path for folder in model_folders() for path in folder.glob(f"*{CARD_SUFFIX}")}
    if wanted not in found:
        known = f"There are: {', '.join(sorted(found))}." if found else "No models come with this version."
        raise InputError(f"There is no model {wanted}.", f"{known} Your own is named by the path of its {CARD_SUFFIX}.")
    return found[wanted]


def _file(card: ModelCard, kind: str) -> ModelFile:
    for file in card.files:
        if file.format == kind:
            return file
    raise InputError(f"The model {card.name} has no {kind} file, which this device needs.", "Choose another --device.")


def _checked(path: Path, file: ModelFile, card: ModelCard) -> Path:
    if not path.is_file():
        raise InputError(f"The weights {path.name} of the model {card.name} are missing.", REINSTALL)
    if sha256_of(path) != file.sha256:
        raise InputError(f"The weights {path.name} are not those the card of {card.name} describes.", REINSTALL)
    return path


def network_in(path: Path) -> nn.Module:
    """The network a safetensors file belongs to, by its header, with its weights in single precision."""
    try:
        from safetensors import safe_open
        from safetensors.torch import load_file
    except ImportError as error:
        raise SpineMRError("Networks on this device need the package safetensors.", "pip install safetensors") from error
    from spinemr.segmentation.networks.registry import build_network

    with safe_open(str(path), framework="pt") as file:
        header = file.metadata() or {}
    network = build_network(header.get("network", ""), json.loads(header.get("options", "{}")))
    network.load_state_dict(load_file(str(path)))
    return network
