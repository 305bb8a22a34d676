"""What runs a network: OpenVINO on the processor, PyTorch on CUDA or MPS; both take and give the same arrays.

A runtime takes images ``[slice][1][row][column]`` of 0..1 in single precision and gives probabilities
``[slice][class][row][column]``. The heavy libraries are loaded when a runtime is made.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import SpineMRError

if TYPE_CHECKING:
    from torch import nn

FloatArray = NDArray[np.float32]
DEVICES = ("auto", "cpu", "cuda", "mps")
BYTE_INSTRUCTIONS = frozenset(("avx512_vnni", "avx_vnni", "amx_int8"))
"""What processors that multiply bytes faster than numbers of four bytes say of themselves."""


class Runtime(Protocol):
    """A network ready to look at slices."""

    device: str

    def __call__(self, images: FloatArray) -> FloatArray:
        """Probabilities of each class for each pixel of some slices."""
        ...


class OpenVinoRuntime:
    """A network in an ONNX (or OpenVINO) file, on the processor; compiled once for each shape it meets."""

    device = "cpu"

    def __init__(self, path: Path, threads: int = 0) -> None:
        core, model = _opened(path)
        self._core: Any = core
        self._model: Any = model
        self._threads = threads or _cores()
        self._compiled: dict[tuple[int, ...], Any] = {}

    def __call__(self, images: FloatArray) -> FloatArray:
        """Softmax of the network's output."""
        compiled = self._for(images.shape[1:])
        first = compiled(images[:1])[0]
        logits = np.empty((len(images), *first.shape[1:]), dtype=np.float32)
        logits[:1] = first
        for index in range(1, len(images)):
            logits[index : index + 1] = compiled(images[index : index + 1])[0]
        return softmax(logits)

    def _for(self, shape: tuple[int, ...]) -> Any:  # noqa: ANN401 - openvino is not typed
        if shape not in self._compiled:
            fixed = self._model.clone()
            fixed.reshape([1, *shape])
            settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": self._threads}
            self._compiled[shape] = self._core.compile_model(fixed, "CPU", settings)
        return self._compiled[shape]


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


def chosen_device(wanted: str) -> str:
    """The device for a wish: ``auto`` takes CUDA or MPS where PyTorch is installed and sees one, else the processor."""
    if wanted not in DEVICES:
        raise SpineMRError(f"'{wanted}' is no device.", f"Choose from: {', '.join(DEVICES)}.")
    if wanted == "cpu":
        return "cpu"
    there = _accelerators()
    if wanted == "auto":
        return there[0] if there else "cpu"
    if wanted not in there:
        raise SpineMRError(f"The device {wanted} is not there, or PyTorch is not installed for it.", "Use --device cpu.")
    return wanted


def _accelerators() -> list[str]:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        return []
    import torch

    found = ["cuda"] if torch.cuda.is_available() else []
    return found + (["mps"] if torch.backends.mps.is_available() else [])


def _opened(path: Path) -> tuple[object, object]:
    try:
        import openvino
    except ImportError as error:
        raise SpineMRError("Networks on the processor need OpenVINO.", "Install it: pip install openvino.") from error
    core = openvino.Core()
    try:
        return core, core.read_model(str(path))
    except RuntimeError as error:
        raise SpineMRError(f"The network {path.name} cannot be read.", "Install the package again.") from error


def multiplies_bytes() -> bool:
    """Whether the processor says that it gains from eight-bit networks; only Linux tells, elsewhere the answer is no."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return not BYTE_INSTRUCTIONS.isdisjoint(flags.split())


def _cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
