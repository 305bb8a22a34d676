"""Open a model by its name or by its card: check its weights, choose what runs it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spinemr.imaging.errors import InputError, SpineMRError
from spinemr.imaging.model_card import ModelCard, ModelFile
from spinemr.imaging.model_files import card_path, checked_file, file_of_kind
from spinemr.imaging.network_file import chosen_device, multiplies_bytes
from spinemr.segmentation.inference.runtime import OpenVinoRuntime, Runtime, TorchRuntime

if TYPE_CHECKING:
    from torch import nn

DEFAULT_MODEL = "balanced"
PRECISIONS = ("auto", "fp32", "int8")
INT8 = "int8-onnx"
"""What a card calls the file of an eight-bit variant."""
WORTH_IT = 1.1
"""An eight-bit variant has to have been measured so many times as fast to be taken unasked."""


@dataclass(frozen=True)
class OpenModel:
    """A model that is ready: its card, what runs it, the digest of the weights in use, and what it calculates with."""

    card: ModelCard
    runtime: Runtime
    sha256: str
    precision: str = "fp32"


def open_model(wanted: str = DEFAULT_MODEL, device: str = "auto", *, precision: str = "auto", threads: int = 0) -> OpenModel:
    """Open a shipped model by name, or one's own by the path of its ``.card.json``.

    The weights have to have the digest the card states. On the processor OpenVINO runs an ONNX file, elsewhere PyTorch the
    safetensors. ``precision="auto"`` takes a model's eight-bit variant where the card says that it is faster and the processor
    has instructions for it, and half precision on CUDA.
    """
    if precision not in PRECISIONS:
        raise InputError(f"'{precision}' is no precision.", f"Choose from: {', '.join(PRECISIONS)}.")
    path = card_path(wanted)
    card = ModelCard.read(path)
    if card.task != "segmentation":
        raise InputError(f"The model {card.name} is for {card.task}, not for segmentation.")
    target = chosen_device("cpu" if (device, precision) == ("auto", "int8") else device)
    if target == "cpu":
        file = _processor_file(card, precision)
        used = "int8" if file.format == INT8 else "fp32"
        return OpenModel(card, OpenVinoRuntime(checked_file(card, file, path.parent), threads), file.sha256, used)
    if precision == "int8":
        raise InputError("Eight-bit networks run on the processor only.", "Use --device cpu, or another --precision.")
    file = file_of_kind(card, "safetensors")
    half = target == "cuda" and precision == "auto"
    network = network_in(checked_file(card, file, path.parent))
    return OpenModel(card, TorchRuntime(network, target, half=half), file.sha256, "fp16" if half else "fp32")


def torch_network(wanted: str = DEFAULT_MODEL) -> nn.Module:
    """The network of a model with its weights, in PyTorch: to run it elsewhere or to train it further."""
    path = card_path(wanted)
    card = ModelCard.read(path)
    file = file_of_kind(card, "safetensors")
    return network_in(checked_file(card, file, path.parent))


def _processor_file(card: ModelCard, precision: str) -> ModelFile:
    """The file for the processor: the eight-bit one if asked for, or if it is worth it."""
    small = next((file for file in card.files if file.format == INT8), None)
    if precision == "int8":
        if small is None:
            raise InputError(f"The model {card.name} has no eight-bit variant.", "Use --precision auto or fp32.")
        return small
    if precision == "auto" and small is not None and (small.speed_up or 0) >= WORTH_IT and multiplies_bytes():
        return small
    return file_of_kind(card, "onnx")


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
