"""From an image to class volumes: grid, orientation, batches, flips and the processor's runtime."""

import sys
import types
from importlib.machinery import ModuleSpec

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging import network_file
from spinemr.imaging.errors import Cancelled, SpineMRError
from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.model_card import ModelInput
from spinemr.imaging.network_file import chosen_device
from spinemr.imaging.progress import CancelToken, Progress
from spinemr.imaging.silent_packages import unreported
from spinemr.segmentation.inference.predict import network_grid, predict
from spinemr.segmentation.inference.runtime import OpenVinoRuntime, softmax

SETTINGS = ModelInput(pixel_mm=1.0, multiple=16, percentiles=(0.0, 100.0))


class Threshold:
    """A stand-in for a network: class 1 where it is bright, class 2 where it is brighter still, unsure in between."""

    device = "cpu"

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, images):
        self.shapes.append(images.shape)
        bright = images[:, 0]
        first = np.clip(4 * (bright - 0.25), 0, 1) * (bright < 0.75)
        second = np.clip(4 * (bright - 0.5), 0, 1) * (bright >= 0.75)
        return np.stack([1 - first - second, first, second], axis=1).astype(np.float32)


class LeftHalf:
    """A stand-in that sees class 1 in the front half of whatever it is shown."""

    device = "cpu"

    def __call__(self, images):
        front = np.zeros_like(images[:, 0])
        front[..., : images.shape[-1] // 2] = 1.0
        return np.stack([1 - front, front], axis=1)


def blocks(direction=(0, 0, -1, 1, 0, 0, 0, -1, 0), spacing=(0.7, 0.8, 4.0)):
    array = np.zeros((9, 60, 50), dtype=np.float32)
    array[2:7, 10:25, 10:30] = 0.5
    array[3:6, 35:50, 20:45] = 1.0
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetDirection([float(v) for v in direction])
    return image, array


def test_classes_lie_where_the_bright_blocks_are_and_edges_are_unsure():
    image, array = blocks()
    seen = predict(image, Threshold(), SETTINGS)
    back = sitk.GetArrayFromImage(seen.frame.back_from_array(seen.classes))
    assert back.shape == array.shape
    truth = np.digitize(array, (0.25, 0.75))
    assert (back == truth).mean() > 0.985
    inside = np.zeros_like(truth, dtype=bool)
    inside[4, 40:45, 28:38] = True
    confidence = sitk.GetArrayFromImage(seen.frame.back_from_array(seen.confidence.astype(np.float32)))
    assert confidence[inside].min() > 0.99
    assert confidence.min() < 0.9


@pytest.mark.parametrize(
    "direction",
    [(0, 0, -1, 1, 0, 0, 0, -1, 0), (0, 0, 1, -1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1), (-1, 0, 0, 0, 0, 1, 0, 1, 0)],
)
def test_any_orientation_comes_back_on_its_own_grid(direction):
    image, array = blocks(direction, spacing=(1.0, 1.0, 1.0))
    seen = predict(image, Threshold(), SETTINGS)
    back = seen.frame.back_from_array(seen.classes)
    assert back.GetDirection() == image.GetDirection()
    assert back.GetOrigin() == image.GetOrigin()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(back), np.digitize(array, (0.25, 0.75)))


def test_network_sees_its_own_pixels_in_multiples_and_few_slices_at_a_time():
    image, _ = blocks()
    network = Threshold()
    predict(image, network, SETTINGS)
    assert {shape[1:] for shape in network.shapes} == {(1, 48, 48)}
    assert sum(shape[0] for shape in network.shapes) == 9
    assert max(shape[0] for shape in network.shapes) <= 4
    grid = network_grid(WorkingFrame.of(image), SETTINGS)
    assert grid.spacing_mm == (1.0, 1.0)


def test_flip_average_takes_both_views():
    image, _ = blocks(spacing=(1.0, 1.0, 1.0))
    plain, both = (predict(image, LeftHalf(), SETTINGS, flip_average=flip) for flip in (False, True))
    assert (plain.classes == 1).mean() > 0.3
    assert float(plain.confidence.min()) > 0.99
    assert float(np.median(both.confidence.astype(np.float32))) == pytest.approx(0.5, abs=0.01)


def test_progress_counts_slices_and_cancel_stops_between_batches():
    image, _ = blocks()
    seen: list[Progress] = []
    predict(image, Threshold(), SETTINGS, progress=seen.append)
    assert [report.message for report in seen] == ["slice 4 of 9", "slice 8 of 9", "slice 9 of 9"]
    token = CancelToken()
    network = Threshold()

    def stop(report: Progress) -> None:
        token.cancel()
        token.wrap()(report)

    with pytest.raises(Cancelled):
        predict(image, network, SETTINGS, progress=stop)
    assert len(network.shapes) == 1


def test_softmax_sums_to_one_and_survives_large_numbers():
    logits = np.array([[1000.0, 1000.0], [0.0, np.log(3.0)]], dtype=np.float32).reshape(2, 2, 1, 1)
    np.testing.assert_allclose(softmax(logits)[:, :, 0, 0], [[0.5, 0.5], [0.25, 0.75]], rtol=1e-6)


def test_openvino_runs_a_network_from_a_file_at_any_size(tmp_path):
    with unreported():
        ov = pytest.importorskip("openvino")
    ops = pytest.importorskip("openvino.opset8")
    weights = np.array([1.0, -2.0, 0.5], dtype=np.float32).reshape(3, 1, 1, 1)
    shown = ops.parameter([-1, 1, -1, -1], np.float32)
    output = ops.convolution(shown, ops.constant(weights), [1, 1], [0, 0], [0, 0], [1, 1])
    ov.save_model(ov.Model([output], [shown], "tiny"), str(tmp_path / "tiny.xml"), compress_to_fp16=False)
    runtime = OpenVinoRuntime(tmp_path / "tiny.xml", threads=1)
    for shape in ((3, 1, 16, 32), (2, 1, 48, 16)):
        images = np.random.default_rng(1).random(shape, dtype=np.float32)
        expected = softmax(images * weights.reshape(1, 3, 1, 1))
        np.testing.assert_allclose(runtime(images), expected, atol=1e-5)


def test_broken_network_and_unknown_device_are_one_sentence(tmp_path):
    with unreported():
        pytest.importorskip("openvino")
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    with pytest.raises(SpineMRError, match=r"broken\.onnx cannot be read"):
        OpenVinoRuntime(tmp_path / "broken.onnx")
    with pytest.raises(SpineMRError, match="no device"):
        chosen_device("abacus")
    assert chosen_device("cpu") == "cpu"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere PyTorch is always asked")
def test_pytorch_is_not_loaded_where_linux_shows_no_accelerator(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(network_file, "ACCELERATOR_FILES", (tmp_path / "nvidiactl",))
    assert chosen_device("auto") == "cpu" and "torch" not in sys.modules
    asked = types.ModuleType("torch")
    asked.cuda = types.SimpleNamespace(is_available=lambda: True)
    asked.backends = types.SimpleNamespace(mps=types.SimpleNamespace(is_available=lambda: False))
    asked.__spec__ = ModuleSpec("torch", None)
    monkeypatch.setitem(sys.modules, "torch", asked)
    assert chosen_device("auto") == "cuda"
