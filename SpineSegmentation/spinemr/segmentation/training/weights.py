"""Weights in the files that ship: ONNX for OpenVINO, safetensors for PyTorch, both at half the size of single precision.

Weights of layers are rounded to half precision once, before anything is measured (relative error at most 2^-11); from then on
every file holds exactly these numbers, and whoever reads them calculates in single precision. Biases, scales and statistics of
normalisation keep single precision: they are few.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spinemr.imaging.errors import InputError
from spinemr.segmentation.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    from torch import Tensor, nn

SMALLEST_HALVED = 256
"""Tensors of fewer numbers are written as they are: there is nothing to gain."""


def round_to_half(network: nn.Module) -> None:
    """Round every weight of two or more axes to what half precision holds; numbers beyond its range stay as they are."""
    import torch

    with torch.no_grad():
        for value in network.state_dict().values():
            if value.dtype == torch.float32 and value.ndim >= 2:
                rounded = value.half().float()
                value.copy_(torch.where(torch.isfinite(rounded), rounded, value))


def write_safetensors(network: nn.Module, state: Checkpoint, path: Path) -> None:
    """The weights by name, and in the header which network of the registry they belong to."""
    settings = state.config.network
    save_tensors(network, {"network": settings.name, "options": json.dumps(dict(settings.options))}, path)


def save_tensors(network: nn.Module, header: Mapping[str, str], path: Path) -> None:
    """The weights by name under a header; what half precision holds exactly is stored so, PyTorch turns it back when it loads."""
    try:
        from safetensors.torch import save
    except ImportError as error:
        raise InputError("Export needs the package safetensors.", "Install it with: pip install 'spinemr[train]'") from error
    path.write_bytes(save({name: _stored(value) for name, value in network.state_dict().items()}, metadata=dict(header)))


def _stored(value: Tensor) -> Tensor:
    import torch

    exact = value.dtype == torch.float32 and value.numel() >= SMALLEST_HALVED and torch.equal(value.half().float(), value)
    return (value.half() if exact else value).contiguous()


def write_onnx(network: nn.Module, state: Checkpoint, path: Path, *, folded: bool = False) -> None:
    """One file, slices and their size free, image ``[slice][1][row][column]`` to logits ``[slice][class][row][column]``.

    Of a network of volumes the number of patches is free, ``[patch][1][slice][row][column]``. ``folded`` is the form in which
    a network is quantised.
    """
    import torch

    patch, grid = state.config.patch, state.config.grid
    example = torch.rand(2, 1, *(patch.size if patch else (grid.rows, grid.columns)))
    save_onnx(network, {"image": (example, (0,) if patch else (0, 2, 3))}, "logits", path, folded=folded)


def save_onnx(
    network: nn.Module, inputs: Mapping[str, tuple[Tensor, tuple[int, ...]]], output: str, path: Path, *, folded: bool = False
) -> None:
    """A network as one ONNX file: of each input its name, an example, and which of its axes are of any length.

    Weights that half precision holds exactly are stored so, each with a cast that OpenVINO folds away. ``folded`` draws
    normalisation into the weights before it instead: numbers of single precision.
    """
    import torch

    _onnx()
    free = torch.export.Dim.DYNAMIC
    with contextlib.redirect_stdout(io.StringIO()):  # the exporter talks
        program = torch.onnx.export(
            network,
            tuple(example for example, _ in inputs.values()),
            dynamo=True,
            dynamic_shapes=tuple(dict.fromkeys(axes, free) for _, axes in inputs.values()),
            input_names=list(inputs),
            output_names=[output],
            verbose=False,
            optimize=folded,
        )
    model = program.model_proto
    _forget_traces(model)
    if not folded:
        _halve(model)
    path.write_bytes(model.SerializeToString())


def _forget_traces(model: Any) -> None:  # noqa: ANN401 - a message of onnx
    """Leave out where in whose program each node came from: text that grows the file and names folders of this machine."""
    del model.metadata_props[:], model.graph.metadata_props[:]
    for part in (*model.graph.node, *model.graph.initializer, *model.graph.value_info, *model.graph.input, *model.graph.output):
        del part.metadata_props[:]
        part.doc_string = ""


def _halve(model: Any) -> None:  # noqa: ANN401 - a message of onnx
    """Store each tensor that half precision holds exactly under another name, and cast it to its own name."""
    onnx = _onnx()
    casts = []
    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALLEST_HALVED:
            continue
        with np.errstate(over="ignore"):
            halves = values.astype(np.float16)
        if np.array_equal(halves.astype(np.float32), values):
            name = tensor.name
            tensor.CopyFrom(onnx.numpy_helper.from_array(halves, f"{name}.half"))
            cast = onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT, name=f"{name}.cast")
            casts.append(cast)
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _onnx() -> Any:  # noqa: ANN401 - a module
    try:
        import onnx
        import onnx.numpy_helper
        import onnxscript  # noqa: F401 - what PyTorch writes ONNX with
    except ImportError as error:
        hint = "Install them with: pip install 'spinemr[train]'"
        raise InputError("Export needs the packages onnx and onnxscript.", hint) from error
    return onnx
