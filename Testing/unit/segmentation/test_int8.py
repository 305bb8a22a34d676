"""Eight-bit variants: calibrated on the training side alone, kept or dropped by what they lose, taken only where they gain."""

import json
from dataclasses import replace

import numpy as np
import pytest

from spinemr.imaging import network_file
from spinemr.imaging.errors import InputError, SpineMRError
from spinemr.imaging.model_card import ModelCard
from spinemr.imaging.provenance import sha256_of
from spinemr.imaging.silent_packages import unreported
from spinemr.segmentation.inference import model as models
from spinemr.segmentation.inference.model import INT8, open_model
from spinemr.segmentation.training import int8
from spinemr.segmentation.training.int8 import Trial, calibration_images, dice_lost, speed_up
from spinemr.segmentation.training.sources import TRAIN, write_packed
from spinemr.segmentation.training.validation import SetDice

FULL = SetDice("a", {"disc": (0.90, 0.80), "canal": (0.7,), "cord": ()})


def trial(disc, canal, faster=2.0):
    scores = (SetDice("a", {"disc": disc, "canal": canal, "cord": ()}),)
    return Trial(scores, dice_lost((FULL,), scores), faster)


def test_what_is_lost_is_counted_by_set_and_structure():
    found = trial((0.897, 0.799), (0.71,))
    assert found.losses == {"a disc": pytest.approx(0.002), "a canal": pytest.approx(-0.01)}
    assert found.accepted
    assert "kept: largest loss of mean Dice 0.0020 (a disc), limit 0.003; 2.0 times" in found.remark()


def test_one_structure_that_loses_too_much_drops_the_variant():
    found = trial((0.9, 0.8), (0.697,))
    assert not found.accepted  # 0.003 is not less than 0.003
    assert "measured and dropped: largest loss of mean Dice 0.0030 (a canal)" in found.remark()
    assert not Trial((), {}, 3.0).accepted


class Sleeper:
    """A runtime whose time is told by a clock of its own."""

    def __init__(self, clock, takes):
        self.clock, self.takes = clock, takes

    def __call__(self, image):
        self.clock[0] += self.takes
        return image


def test_speed_is_the_ratio_of_turns(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(int8.time, "perf_counter", lambda: clock[0])
    assert speed_up(Sleeper(clock, 6.0), Sleeper(clock, 2.0), np.zeros(1)) == pytest.approx(3.0)


def halves(drawn_set):
    """Training slices that are bright on the left, validation slices that are bright on the right."""
    left = np.zeros((64, 64), np.uint8)
    left[:, :20] = 200
    right = np.ascontiguousarray(left[:, ::-1])
    slices = [replace(s, image=left if s.split == TRAIN else right, codes=left // 200, pixel_mm=1.0) for s in drawn_set.slices]
    return replace(drawn_set, slices=tuple(slices))


def packed_run(tiny_run, found, folder, **changes):
    write_packed([found], folder / "packed.npz")
    return tiny_run(sources=[{"kind": "packed", "share": 1, "path": str(folder / "packed.npz")}], **changes)


def test_calibration_sees_training_slices_only(tiny_run, drawn_set, tmp_path, monkeypatch):
    monkeypatch.setattr(int8, "CALIBRATION_IMAGES", 6)
    config = packed_run(tiny_run, halves(drawn_set), tmp_path, augment=True, grid={"rows": 64, "columns": 64, "pixel_mm": 1.0})
    images = calibration_images(config)
    assert len(images) == 6
    for image in images:
        assert image.shape == (1, 1, 64, 64)
        assert image[..., :20].min() > 0.5
        assert image[..., 40:].max() == 0


@pytest.fixture
def card_path(tmp_path):
    """A model with both kinds of files, as small as files of OpenVINO can be."""
    with unreported():
        ov = pytest.importorskip("openvino")
    ops = pytest.importorskip("openvino.opset8")
    shown = ops.parameter([-1, 1, -1, -1], np.float32)
    output = ops.convolution(shown, ops.constant(np.ones((7, 1, 1, 1), np.float32)), [1, 1], [0, 0], [0, 0], [1, 1])
    for name in ("full", "small"):
        ov.save_model(ov.Model([output], [shown], name), str(tmp_path / f"{name}.xml"), compress_to_fp16=name == "small")
    entries = [(kind, f"{name}.xml", sha256_of(tmp_path / f"{name}.xml")) for kind, name in (("onnx", "full"), (INT8, "small"))]
    card = {
        **dict.fromkeys(("title", "version", "licence", "intended_use", "limits", "recipe", "commit"), "-"),
        "name": "both",
        "task": "segmentation",
        "input": {"pixel_mm": 1.0, "multiple": 16, "percentiles": [0, 100]},
        "files": [{"format": kind, "path": path, "sha256": digest} for kind, path, digest in entries],
        "training_data": [{"name": "-", "licence": "-", "citation": "-", "n": 1}],
        "metrics": [{"name": "-", "value": 1, "ci95": [1, 1], "n": 1, "data": "-"}],
    }

    def write(faster):
        card["files"][1]["speed_up"] = faster
        path = tmp_path / "both.card.json"
        path.write_text(json.dumps(card), encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize(
    ("faster", "instructions", "wish", "used"),
    [
        (2.0, True, "auto", "int8"),
        (2.0, False, "auto", "fp32"),
        (1.0, True, "auto", "fp32"),
        (2.0, True, "fp32", "fp32"),
        (1.0, False, "int8", "int8"),
    ],
)
def test_the_variant_is_taken_where_it_gains_or_is_asked_for(card_path, monkeypatch, faster, instructions, wish, used):
    monkeypatch.setattr(models, "multiplies_bytes", lambda: instructions)
    opened = open_model(card_path(faster), "cpu", precision=wish, threads=1)
    assert opened.precision == used
    assert opened.sha256 == opened.card.files[int(used == "int8")].sha256


def test_precisions_a_model_or_a_device_does_not_have_are_one_sentence(card_path, tmp_path):
    path = card_path(2.0)
    with pytest.raises(InputError, match="no precision"):
        open_model(path, "cpu", precision="int4")
    content = json.loads((tmp_path / "both.card.json").read_text(encoding="utf-8"))
    content["files"] = content["files"][:1]
    (tmp_path / "both.card.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match="no eight-bit variant"):
        open_model(path, "auto", precision="int8")
    with pytest.raises(SpineMRError, match=r"cuda|processor only"):
        open_model(path, "cuda", precision="int8")


@pytest.mark.parametrize(("flags", "gains"), [("fpu avx512_vnni sse", True), ("fpu avx2", False), (None, False)])
def test_the_processor_is_asked_for_its_instructions(tmp_path, monkeypatch, flags, gains):
    place = tmp_path / "cpuinfo"
    if flags is not None:
        place.write_text(f"processor : 0\nflags\t\t: {flags}\n", encoding="utf-8")
    monkeypatch.setattr(network_file, "Path", lambda _: place)
    assert network_file.multiplies_bytes() is gains


@pytest.mark.slow
@pytest.mark.parametrize("limit", [0.5, -2.0])
def test_export_keeps_or_drops_the_variant_and_says_so(tmp_path, tiny_run, drawn_set, monkeypatch, limit):
    for package in ("torch", "onnxscript", "onnxruntime", "nncf", "safetensors"):
        pytest.importorskip(package, reason=f"{package} is not installed", exc_type=ImportError)
    from spinemr.segmentation.training.export import export
    from spinemr.segmentation.training.loop import train

    monkeypatch.setattr(int8, "CALIBRATION_IMAGES", 8)
    monkeypatch.setattr(int8, "LARGEST_LOSS", limit)
    outcome = train(packed_run(tiny_run, drawn_set, tmp_path, steps=20), tmp_path / "run")
    written = export(outcome.best, tmp_path / "models", name="tiny", int8=True)
    names = {path.name for path in (tmp_path / "models").iterdir()}
    card = ModelCard.read(tmp_path / "models" / "tiny.card.json")
    assert card == written
    assert names - {"tiny.int8.onnx"} == {"tiny.card.json", "tiny.onnx", "tiny.safetensors"}
    if limit < 0:
        assert "tiny.int8.onnx" not in names
        assert "measured and dropped" in card.remarks[0]
        return
    assert "Eight-bit variant kept" in card.remarks[0]
    small = next(file for file in card.files if file.format == INT8)
    assert [metric.name for metric in small.metrics] == [metric.name for metric in card.metrics]
    assert small.speed_up > 0
    images = np.random.default_rng(0).random((2, 1, 64, 64), dtype=np.float32)
    of = {
        wish: open_model(str(tmp_path / "models" / "tiny.card.json"), "cpu", precision=wish, threads=1).runtime(images)
        for wish in ("fp32", "int8")
    }
    assert not np.array_equal(of["fp32"], of["int8"])
    np.testing.assert_allclose(of["int8"], of["fp32"], atol=0.1)
