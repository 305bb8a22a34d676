"""What runs a network: OpenVINO on the processor, PyTorch on CUDA or MPS; both take and give the same arrays.

A runtime takes images ``[slice][1][row][column]`` of 0..1 in single precision and gives probabilities
``[slice][class][row][column]``. The heavy libraries are loaded when a runtime is made.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from spinemr.imaging.network_file import FloatArray, OpenVinoNetwork

if TYPE_CHECKING:
    from torch import nn


class Runtime(Protocol):
    """A network ready to look at slices."""

    device: str

    def __call__(self, images: FloatArray) -> FloatArray:
        """Probabilities of each class for each pixel of some slices."""
        ...


class OpenVinoRuntime:
    """A network in an ONNX (or OpenVINO) file, on the processor."""

    device = "cpu"

    def __init__(self, path: Path, threads: int = 0) -> None:
        self._network = OpenVinoNetwork(path, threads)

    def __call__(self, images: FloatArray) -> FloatArray:
        """Softmax of the network's output."""
        return softmax(self._network(images))


class TorchRuntime:
    """A network of PyTorch on a device it knows, with ``half`` in half precision where that is safe."""

    def __init__(self, network: nn.Module, device: str, *, half: bool = False) -> None:
        self.device = device
        self._half = half
        self._network = network.eval().to(device)

    def __call__(self, images: FloatArray) -> FloatArray:
        """Softmax of the network's output."""
        import torch

        with torch.inference_mode(), torch.autocast(self.device.partition(":")[0], enabled=self._half):
            logits = self._network(torch.from_numpy(np.ascontiguousarray(images)).to(self.device))
        result: FloatArray = torch.softmax(logits.float(), dim=1).cpu().numpy()
        return result


def softmax(logits: FloatArray) -> FloatArray:
    """``exp(x_c) / sum_c exp(x_c)`` over the second axis, in place."""
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits
