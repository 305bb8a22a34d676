"""Every network by its name, and the one function that builds it.

Networks take ``[batch][1][row][column]`` (the 3D one ``[batch][1][slice][row][column]``) with intensities 0..1 and return one
logit per class. PyTorch and the packages the networks come from are loaded when one is built; nothing is downloaded, so
encoders start untrained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spinemr.imaging.errors import InputError
from spinemr.segmentation.classes import CLASS_COUNT

if TYPE_CHECKING:
    from torch import nn

Options = Mapping[str, Any]


@dataclass(frozen=True)
class NetworkEntry:
    """A network: how it is built, how many dimensions it works in, and the size its input has to be a multiple of."""

    name: str
    summary: str
    build: Callable[[int, Options], nn.Module]
    dimensions: int = 2
    multiple: int = 32


_KIM_ENCODERS = ("resnet34", "resnet50", "resnet101")
_KIM_DECODERS = {"unet": "Unet", "unetplusplus": "UnetPlusPlus", "deeplabv3": "DeepLabV3"}
_LIGHT_ENCODERS = {
    "resnet18": "resnet18",
    "efficientnet-b0": "efficientnet-b0",
    "mobilenetv2": "mobilenet_v2",
    "mobilenetv3": "tu-mobilenetv3_large_100",
}


def _plain(classes: int, options: Options) -> nn.Module:
    from spinemr.segmentation.networks.plain_unet import PlainUNetOptions, plain_unet

    return plain_unet(PlainUNetOptions.of(options), classes)


def _basic_3d(classes: int, options: Options) -> nn.Module:
    from spinemr.segmentation.networks.third_party import basic_unet_3d

    return basic_unet_3d(classes, options)


def _pair(decoder: str, encoder: str) -> Callable[[int, Options], nn.Module]:
    def build(classes: int, options: Options) -> nn.Module:
        from spinemr.segmentation.networks.third_party import encoder_decoder

        return encoder_decoder(decoder, encoder, classes, options)

    return build


def _entries() -> tuple[NetworkEntry, ...]:
    pairs = [
        NetworkEntry(f"{encoder}-{short}", f"{encoder} encoder, {decoder} decoder (Kim 2024, Table 2)", _pair(decoder, encoder))
        for encoder in _KIM_ENCODERS
        for short, decoder in _KIM_DECODERS.items()
    ]
    light = [
        NetworkEntry(f"{short}-unet", f"{short} encoder, U-Net decoder: light enough for a CPU", _pair("Unet", encoder))
        for short, encoder in _LIGHT_ENCODERS.items()
    ]
    plain = NetworkEntry("plain-unet", "compact U-Net with the options of Markhali 2024", _plain, multiple=16)
    basic = NetworkEntry("basic-unet-3d", "3D U-Net of 5 levels (Arias Martinez 2024)", _basic_3d, dimensions=3, multiple=16)
    return (plain, *pairs, *light, basic)


NETWORKS: Mapping[str, NetworkEntry] = {entry.name: entry for entry in _entries()}
"""Every network that can be asked for."""

KIM_2024_PAIRS: tuple[str, ...] = tuple(f"{encoder}-{decoder}" for encoder in _KIM_ENCODERS for decoder in _KIM_DECODERS)
"""The nine encoder-decoder pairs among which Kim 2024 chose (Table 2)."""


def network_entry(name: str) -> NetworkEntry:
    """The entry of a network; :class:`InputError` lists the names there are."""
    if name not in NETWORKS:
        raise InputError(f"There is no network named '{name}'.", f"Choose from: {', '.join(NETWORKS)}.")
    return NETWORKS[name]


def build_network(name: str, options: Options | None = None, classes: int = CLASS_COUNT) -> nn.Module:
    """A network with fresh random weights (of torch's generator)."""
    entry = network_entry(name)
    try:
        return entry.build(classes, options or {})
    except (TypeError, ValueError, ArithmeticError, RuntimeError, IndexError) as error:  # PyTorch's many ways to say no
        raise InputError(f"The network {name} cannot be built with these options.", "Look at its options.") from error


def parameter_count(network: nn.Module) -> int:
    """How many numbers training changes."""
    return sum(int(parameter.numel()) for parameter in network.parameters() if parameter.requires_grad)
