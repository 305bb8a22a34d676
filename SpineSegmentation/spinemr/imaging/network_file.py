"""Networks in ONNX files, run by OpenVINO on the processor, and which device a wish for one means.

A network takes images ``[slice][channel][row][column]`` in single precision, and where it has more inputs one row of numbers
for each. The heavy libraries are loaded when a network is opened.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinemr.imaging.errors import MissingPackageError, SpineMRError
from spinemr.imaging.processors import fair_share
from spinemr.imaging.silent_packages import unreported

FloatArray = NDArray[np.float32]
DEVICES = ("auto", "cpu", "cuda", "mps")
ACCELERATOR_FILES = tuple(map(Path, ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg")))
"""Of NVIDIA, of AMD, and of either under Windows' Linux."""
BYTE_INSTRUCTIONS = frozenset(("avx512_vnni", "avx_vnni", "amx_int8"))
"""What processors that multiply bytes faster than numbers of four bytes say of themselves."""


class OpenVinoNetwork:
    """A network in an ONNX (or OpenVINO) file; compiled once for each shape it meets, and shown one slice at a time."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        core, model = _opened(path)
        self._core: Any = core
        self._model: Any = model
        self._most_threads = threads
        self._compiled: dict[tuple[int, ...], Any] = {}

    def __call__(self, images: FloatArray, rows: Sequence[FloatArray] = ()) -> FloatArray:
        """The network's output for each slice; every further input gets its row for all of them."""
        with fair_share(self._most_threads) as threads:
            return self._output(self._for(images.shape[1:], tuple(row.size for row in rows), threads), images, rows)

    def _output(self, compiled: Any, images: FloatArray, rows: Sequence[FloatArray]) -> FloatArray:  # noqa: ANN401
        others = [np.ascontiguousarray(row, dtype=np.float32).reshape(1, -1) for row in rows]
        first = compiled([images[:1], *others])[0]
        result = np.empty((len(images), *first.shape[1:]), dtype=np.float32)
        result[:1] = first
        for index in range(1, len(images)):
            result[index : index + 1] = compiled([images[index : index + 1], *others])[0]
        return result

    def _for(self, shape: tuple[int, ...], lengths: tuple[int, ...], threads: int) -> Any:  # noqa: ANN401 - openvino is not typed
        if shape not in self._compiled:
            fixed = self._model.clone()
            wanted = [[1, *shape], *([1, length] for length in lengths)]
            fixed.reshape(dict(zip(fixed.inputs, wanted, strict=True)))
            settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
            self._compiled[shape] = self._core.compile_model(fixed, "CPU", settings)
        return self._compiled[shape]


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


def multiplies_bytes() -> bool:
    """Whether the processor says that it gains from eight-bit networks; only Linux tells, elsewhere the answer is no."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return not BYTE_INSTRUCTIONS.isdisjoint(flags.split())


def cores() -> int:
    """Processors this process may use, or fewer where ``OMP_NUM_THREADS`` says so: others work beside it then."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return min(there, int(wanted)) if wanted.isdecimal() and int(wanted) > 0 else there


def _may_accelerate() -> bool:
    """Whether it is worth loading PyTorch, half a gigabyte, to ask: Linux shows every device it has as a file."""
    return sys.platform != "linux" or "torch" in sys.modules or any(path.exists() for path in ACCELERATOR_FILES)


def _accelerators() -> list[str]:
    from importlib.util import find_spec

    if find_spec("torch") is None or not _may_accelerate():
        return []
    import torch

    found = ["cuda"] if torch.cuda.is_available() else []
    return found + (["mps"] if torch.backends.mps.is_available() else [])


def _opened(path: Path) -> tuple[object, object]:
    try:
        with unreported():
            import openvino
    except ImportError as error:
        raise MissingPackageError("Networks on the processor need OpenVINO.", "Install it: pip install openvino.") from error
    core = openvino.Core()
    try:
        return core, core.read_model(str(path))
    except RuntimeError as error:
        raise SpineMRError(f"The network {path.name} cannot be read.", "Install the package again.") from error
