"""Networks of a few bytes and the cards that go with them, written without any library for either."""

from __future__ import annotations

import json
import struct
from hashlib import sha256
from pathlib import Path

import numpy as np
import SimpleITK as sitk

FLOAT, INT64 = 1, 7
FREE = "free"


def field(number, value):
    """One field of a protocol buffer message: a number, a text or a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    body = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(body)) + body


def varint(value):
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def node(kind, inputs, output, **attributes):
    found = b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, kind)
    for name, value in attributes.items():
        found += field(5, field(1, name) + field(3, value) + field(20, 2))
    return found


def constant(name, values):
    if isinstance(values, list):
        return field(1, len(values)) + field(2, INT64) + field(8, name) + field(9, struct.pack(f"<{len(values)}q", *values))
    return field(2, FLOAT) + field(8, name) + field(9, struct.pack("<f", values))


def value(name, dims):
    shape = b"".join(field(1, field(1, size) if isinstance(size, int) else field(2, f"{size}{i}")) for i, size in enumerate(dims))
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, shape)))


def onnx(nodes, constants=(), code=0, slices=1):
    """A model ``image[, code] -> harmonized`` of nodes that end in "harmonized"."""
    inputs = [value("image", (FREE, slices, FREE, FREE)), *([value("code", (FREE, code))] if code else [])]
    graph = b"".join(field(1, one) for one in nodes) + field(2, "tiny")
    graph += b"".join(field(5, one) for one in constants) + b"".join(field(11, one) for one in inputs)
    graph += field(12, value("harmonized", (FREE, 1, FREE, FREE)))
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17))


def identity():
    return onnx([node("Identity", ["image"], "harmonized")])


def inverted():
    return onnx([node("Sub", ["one", "image"], "harmonized")], [constant("one", 1.0)])


def moved(pixels):
    """Everything so many rows further up, what leaves comes back below."""
    limits = [constant("zero", [0]), constant("far", [pixels]), constant("end", [1 << 30]), constant("rows", [2])]
    nodes = [
        node("Slice", ["image", "far", "end", "rows"], "upper"),
        node("Slice", ["image", "zero", "far", "rows"], "lower"),
        node("Concat", ["upper", "lower"], "harmonized", axis=2),
    ]
    return onnx(nodes, limits)


def weighed():
    """The image times the first number of the code: a network that is told what to do."""
    nodes = [
        node("Slice", ["code", "zero", "first", "axis"], "number"),
        node("Unsqueeze", ["number", "last"], "factor"),
        node("Mul", ["image", "factor"], "harmonized"),
    ]
    return onnx(nodes, [constant("zero", [0]), constant("first", [1]), constant("axis", [1]), constant("last", [2, 3])], code=2)


def write_model(folder, name, network, *, method="cyclegan", targets=None, slices=1, pixel_mm=1.0, scale=""):
    """A model with its card; the path of the card."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.onnx").write_bytes(network)
    stated = dict.fromkeys(("title", "version", "licence", "intended_use", "limits", "recipe", "commit"), "for tests")
    card = {
        **stated,
        "name": name,
        "task": "harmonization",
        "input": {"pixel_mm": pixel_mm, "multiple": 4, "percentiles": [0.5, 99.5]},
        "files": [{"format": "onnx", "path": f"{name}.onnx", "sha256": sha256(network).hexdigest()}],
        "training_data": [{"name": "nothing", "licence": "none", "citation": "none", "n": 1}],
        "metrics": [{"name": "none", "value": 0.0, "ci95": [0.0, 0.0], "n": 1, "data": "none"}],
        "harmonizer": {
            "method": method,
            "slices": slices,
            "targets": targets or [{"name": "reference", "contrast": "t1"}],
            "scale": scale,
        },
    }
    path = folder / f"{name}.card.json"
    path.write_text(json.dumps(card), encoding="utf-8")
    return path


SAGITTAL = (0, 0, 1, 1, 0, 0, 0, -1, 0)


def study(slices=5, rows=96, columns=80, spacing=(1.0, 1.0, 4.0), direction=SAGITTAL, seed=0):
    """Blocks of tissue in air, bodies above each other, with noise: an image with edges in all directions."""
    rng = np.random.default_rng(seed)
    down, across = np.indices((rows, columns)).astype(float)
    plane = np.where(across > 8, 120.0, 8.0)
    for top in range(6, rows - 14, 20):
        plane[(down >= top) & (down < top + 13) & (abs(across - 40 - 4 * np.sin(down / 12)) < 11)] = 420.0
    plane[(across > 56) & (across < 62)] = 700.0
    values = np.stack([plane * (1 + 0.05 * index) for index in range(slices)]) + rng.normal(0, 4, (slices, rows, columns))
    image = sitk.GetImageFromArray(values.clip(0).astype(np.float32))
    image.SetSpacing(spacing)
    image.SetDirection(direction)
    image.SetOrigin((-7.5, 12.0, 33.0))
    return image
