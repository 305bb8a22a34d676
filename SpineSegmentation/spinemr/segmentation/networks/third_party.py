"""Networks of segmentation-models-pytorch and of MONAI, with untrained weights."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spinemr.imaging.errors import InputError

if TYPE_CHECKING:
    from torch import nn

BASIC_UNET_FEATURES = (32, 32, 64, 128, 256, 32)
"""Five levels of 32 to 256 channels, and those of the last up-sampling (Arias Martinez 2024, II.D)."""


def encoder_decoder(decoder: str, encoder: str, classes: int, options: Mapping[str, Any]) -> nn.Module:
    """A pair of segmentation-models-pytorch for images of one channel; ``options`` go to its constructor."""
    try:
        import segmentation_models_pytorch as smp
    except ImportError as error:
        raise InputError(
            f"The network {encoder} + {decoder} needs the package segmentation-models-pytorch.",
            "Install it with: pip install 'spinemr[train]'",
        ) from error
    network: nn.Module = _built(
        f"{encoder} + {decoder}",
        getattr(smp, decoder),
        encoder_name=encoder,
        encoder_weights=None,
        in_channels=1,
        classes=classes,
        **options,
    )
    return network


def basic_unet_3d(classes: int, options: Mapping[str, Any]) -> nn.Module:
    """MONAI's BasicUNet in three dimensions as Arias Martinez 2024 uses it, dropout 0.1; ``options`` go to its constructor."""
    try:
        from monai.networks.nets import BasicUNet
    except ImportError as error:
        raise InputError("The network basic-unet-3d needs MONAI.", "Install it with: pip install 'spinemr[train]'") from error
    settings: dict[str, Any] = {"features": BASIC_UNET_FEATURES, "dropout": 0.1, **options}
    network: nn.Module = _built("basic-unet-3d", BasicUNet, spatial_dims=3, in_channels=1, out_channels=classes, **settings)
    return network


def _built(name: str, constructor: Any, **settings: Any) -> Any:  # noqa: ANN401 - another package's class
    known = inspect.signature(constructor).parameters
    unknown = [option for option in settings if option not in known]  # some constructors swallow what they do not know
    if unknown:
        raise InputError(f"The network {name} has no option '{unknown[0]}'.", f"Choose from: {', '.join(known)}.")
    try:
        return constructor(**settings)
    except (TypeError, ValueError, KeyError) as error:
        raise InputError(f"The network {name} does not take these options: {error}.") from error
