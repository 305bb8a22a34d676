"""Networks in safetensors files: which one it is stands in the header, with its options."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinemr.harmonization.networks.style_blind import StyleBlindOptions, style_blind
from spinemr.harmonization.networks.style_transfer import StyleTransferOptions, style_transfer
from spinemr.imaging.errors import InputError, SpineMRError

if TYPE_CHECKING:
    from torch import nn

Options = StyleTransferOptions | StyleBlindOptions

_NETWORKS: Mapping[str, tuple[type[Any], Callable[[Any], Any]]] = {
    "style-transfer": (StyleTransferOptions, style_transfer),
    "style-blind": (StyleBlindOptions, style_blind),
}


def built_network(options: Options) -> nn.Module:
    """A network with random weights."""
    network: nn.Module = next(build for kind, build in _NETWORKS.values() if isinstance(options, kind))(options)
    return network


def header_of(options: Options) -> dict[str, str]:
    """The header of a network with these options."""
    name = next(name for name, (kind, _) in _NETWORKS.items() if isinstance(options, kind))
    return {"network": name, "options": json.dumps(asdict(options))}


def options_in(path: Path) -> Options:
    """The options of the network in a file."""
    try:
        from safetensors import safe_open
    except ImportError as error:
        raise SpineMRError("Networks on this device need the package safetensors.", "pip install safetensors") from error
    with safe_open(str(path), framework="pt") as file:
        header = file.metadata() or {}
    if header.get("network") not in _NETWORKS:
        raise InputError(f"{path.name} holds no network for harmonization.")
    options: Options = _NETWORKS[header["network"]][0].of(json.loads(header["options"]))
    return options


def network_in(path: Path) -> nn.Module:
    """The network in a file with its weights in single precision, ready to use."""
    options = options_in(path)
    from safetensors.torch import load_file

    network = built_network(options)
    network.load_state_dict(load_file(str(path)))
    return network.eval()
