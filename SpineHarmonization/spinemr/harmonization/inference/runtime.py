"""What runs a harmonizer: OpenVINO on the processor, PyTorch on CUDA or MPS; both take and give the same arrays.

A runtime takes images ``[slice][neighbour][row][column]`` of 0..1 in single precision and gives ``[slice][row][column]``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from spinemr.imaging.network_file import FloatArray, OpenVinoNetwork

if TYPE_CHECKING:
    from torch import nn


class Runtime(Protocol):
    """A network ready to harmonize slices."""

    device: str

    def __call__(self, images: FloatArray) -> FloatArray:
        """The slices with the target's appearance."""
        ...


class OpenVinoRuntime:
    """A network in an ONNX file, on the processor; ``code`` is its second input where it has one."""

    device = "cpu"

    def __init__(self, path: Path, code: tuple[float, ...] = (), threads: int = 0) -> None:
        self._network = OpenVinoNetwork(path, threads)
        self._rows = (np.asarray(code, dtype=np.float32),) if code else ()

    def __call__(self, images: FloatArray) -> FloatArray:
        """The slices, one after the other."""
        return self._network(images, self._rows)[:, 0]


class TorchRuntime:
    """A network of PyTorch on a device it knows."""

    def __init__(self, network: nn.Module, device: str, code: tuple[float, ...] = ()) -> None:
        self.device = device
        self._code = code
        self._network = network.eval().to(device)

    def __call__(self, images: FloatArray) -> FloatArray:
        """The slices together."""
        import torch

        with torch.inference_mode():
            shown = torch.from_numpy(np.ascontiguousarray(images)).to(self.device)
            codes = (torch.tensor([self._code], device=self.device).expand(len(images), -1),) if self._code else ()
            made = self._network(shown, *codes)
        result: FloatArray = made[:, 0].float().cpu().numpy()
        return result
