"""A whole study through a perfect network: names, grid, shift; and models that are not what their card says."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import same_grid
from spinemr.imaging.model_card import CARD_SUFFIX, ModelCard, ModelInput
from spinemr.imaging.provenance import sha256_of
from spinemr.imaging.silent_packages import unreported
from spinemr.segmentation.classes import class_table
from spinemr.segmentation.inference.model import OpenModel, open_model
from spinemr.segmentation.inference.segment import segment
from spinemr.segmentation.instances import NoLumbarSpineError
from spinemr.segmentation.metrics import evaluate
from spinemr.synthesis.study import draw_study

CLASSES = 7
CARD = {
    "name": "told",
    "title": "Reads classes from intensities",
    "version": "1",
    "task": "segmentation",
    "licence": "Apache-2.0",
    "intended_use": "Tests.",
    "limits": "Not a medical device.",
    "recipe": "none",
    "commit": "none",
    "input": {"pixel_mm": 0.78, "multiple": 16, "percentiles": [0.0, 100.0]},
    "files": [{"format": "onnx", "path": "told.onnx", "sha256": "ab" * 32}],
    "training_data": [{"name": "none", "licence": "none", "citation": "none", "n": 1}],
    "metrics": [{"name": "none", "value": 0.5, "ci95": [0.4, 0.6], "n": 1, "data": "none"}],
}


class Told:
    """A network that reads each pixel's class from its intensity: class c shines with c / 6."""

    device = "cpu"

    def __call__(self, images):
        nearest = np.rint(images[:, 0] * (CLASSES - 1)).astype(int)
        return np.moveaxis(np.eye(CLASSES, dtype=np.float32)[nearest], -1, 1)


@pytest.fixture(scope="module")
def study():
    return draw_study(21, scanner="cedar-1.5t-t1", grade="II", pathology=())


@pytest.fixture(scope="module")
def shown(study):
    classes = class_table()[sitk.GetArrayFromImage(study.labels)]
    image = sitk.GetImageFromArray(classes.astype(np.float32))
    image.CopyInformation(study.labels)
    return image


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / f"told{CARD_SUFFIX}"
    path.write_text(json.dumps(CARD), encoding="utf-8")
    return OpenModel(ModelCard.read(path), Told(), "ab" * 32)


def test_a_perfect_network_gives_the_truth_back(study, shown, told):
    found = segment(shown, told)
    assert same_grid(found.labels, study.labels)
    scores = evaluate(found.labels, study.labels)
    for label in (*range(20, 25), *range(120, 125)):
        assert scores.labels[label].dsc > 0.93, label
    assert scores.classes["sacrum"].dsc > 0.93
    assert found.report.counted_from == "sacrum"


def test_shift_moves_every_level(shown, told):
    plain, moved = (segment(shown, told, shift=shift) for shift in (0, -1))
    array, other = (sitk.GetArrayViewFromImage(found.labels) for found in (plain, moved))
    np.testing.assert_array_equal(other[array == 23], 22)
    assert moved.report.shift == -1


def test_another_orientation_gives_the_same_structures(shown, told):
    turned = sitk.PermuteAxes(shown, (2, 0, 1))[::-1, :, ::-1]
    plain, other = (segment(image, told) for image in (shown, turned))
    assert other.labels.GetSize() == turned.GetSize()
    assert {s.label for s in plain.report.structures} == {s.label for s in other.report.structures}


def test_where_nothing_is_recognised_no_mask_is_invented(told):
    blank = sitk.GetImageFromArray(np.zeros((5, 40, 40), dtype=np.float32) + np.eye(40, dtype=np.float32) * 0.001)
    with pytest.raises(NoLumbarSpineError, match="No lumbar spine found"):
        segment(blank, OpenModel(told.card, Nothing(), ""))


class Nothing:
    """A network that sees background everywhere."""

    device = "cpu"

    def __call__(self, images):
        result = np.zeros((len(images), CLASSES, *images.shape[2:]), dtype=np.float32)
        result[:, 0] = 1.0
        return result


def test_model_input_is_what_the_card_says(told):
    assert told.card.input == ModelInput(0.78, 16, (0.0, 100.0))


HARMONIZER = {"method": "cyclegan", "slices": 1, "targets": [{"name": "t1", "contrast": "t1", "code": []}]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "not those the card of told describes"),
        ({"task": "harmonization", "harmonizer": HARMONIZER}, "is for harmonization"),
        ({"files": [{"format": "onnx", "path": "gone.onnx", "sha256": "ab" * 32}]}, r"gone\.onnx .* missing"),
        ({"files": [{"format": "safetensors", "path": "told.onnx", "sha256": "ab" * 32}]}, "has no onnx file"),
    ],
)
def test_a_model_that_is_not_what_its_card_says_is_refused(tmp_path, change, said):
    (tmp_path / "told.onnx").write_bytes(b"weights")
    path = tmp_path / f"told{CARD_SUFFIX}"
    path.write_text(json.dumps({**CARD, **change}), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        open_model(str(path), "cpu")


def test_an_unknown_model_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="There is no model nonesuch"):
        open_model("nonesuch", "cpu")


def test_a_model_opens_by_its_card_and_runs_on_the_processor(tmp_path):
    with unreported():
        ov = pytest.importorskip("openvino")
    ops = pytest.importorskip("openvino.opset8")
    shown = ops.parameter([-1, 1, -1, -1], np.float32)
    weights = np.arange(CLASSES, dtype=np.float32).reshape(CLASSES, 1, 1, 1)
    output = ops.convolution(shown, ops.constant(weights), [1, 1], [0, 0], [0, 0], [1, 1])
    ov.save_model(ov.Model([output], [shown], "tiny"), str(tmp_path / "tiny.xml"), compress_to_fp16=False)
    entry = {"format": "onnx", "path": "tiny.xml", "sha256": sha256_of(tmp_path / "tiny.xml")}
    path = tmp_path / f"told{CARD_SUFFIX}"
    path.write_text(json.dumps({**CARD, "files": [entry]}), encoding="utf-8")
    opened = open_model(str(path), "cpu", threads=1)
    probabilities = opened.runtime(np.ones((1, 1, 16, 16), dtype=np.float32))
    assert probabilities.shape == (1, CLASSES, 16, 16)
    assert probabilities[0, :, 0, 0].argmax() == CLASSES - 1
