"""What comes in: images and masks of a batch, checked, in one precision, cut to the box that holds every mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinemr.imaging.errors import GeometryError, InputError

if TYPE_CHECKING:
    from torch import Tensor


def cut_batch(images: Tensor, masks: Tensor, value_range: tuple[float, float] | None = None) -> tuple[Tensor, Tensor]:
    """Intensities ``[batch][y][x]`` (float32, or double where they were) and masks (boolean), cut to the union of the masks.

    Both may have a channel axis of one; masks may lack the batch axis or have one of length one. A mask holds where it is
    above 0.5. With a range, intensities are clamped into it, as writing them to 8 bits would do.
    """
    import torch

    images, masks = _plane(images, "Images"), _plane(masks, "Masks")
    if images.shape[-2:] != masks.shape[-2:] or masks.shape[0] not in (1, images.shape[0]):
        raise GeometryError(f"Masks of shape {tuple(masks.shape)} do not fit images of shape {tuple(images.shape)}.")
    inside = (masks.detach() > 0.5).expand(images.shape)
    empty = (~inside.flatten(1).any(dim=1)).nonzero().flatten().tolist()
    if empty:
        raise InputError(f"The mask of image {empty[0]} of the batch is empty.", "Leave such images out of the batch.")
    rows, columns = _extent(inside.any(dim=0).any(dim=1)), _extent(inside.any(dim=0).any(dim=0))
    values = images[:, rows, columns]
    values = values if values.dtype == torch.float64 else values.float()
    if not bool(torch.isfinite(values).all()):
        raise InputError("Intensities of the batch are not finite.")
    return values if value_range is None else values.clamp(*value_range), inside[:, rows, columns]


def _plane(batch: Tensor, what: str) -> Tensor:
    if batch.ndim == 4 and batch.shape[1] == 1:
        batch = batch[:, 0]
    if batch.ndim == 2:
        batch = batch[None]
    if batch.ndim != 3:
        raise GeometryError(f"{what} have to be [batch][y][x] or [batch][1][y][x], not of shape {tuple(batch.shape)}.")
    return batch


def _extent(occupied: Tensor) -> slice:
    places = occupied.nonzero().flatten()
    return slice(int(places[0]), int(places[-1]) + 1)
