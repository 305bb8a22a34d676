"""Models that ship: whole, as their cards say, small, and able to find a drawn spine they never saw."""

from __future__ import annotations

import re

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.model_card import model_folders, shipped_models
from spinemr.imaging.provenance import sha256_of
from spinemr.imaging.silent_packages import unreported
from spinemr.segmentation.classes import STRUCTURES, certainly, class_table
from spinemr.segmentation.inference.model import INT8
from spinemr.segmentation.overlap import Overlap

LARGEST_FILE_BYTES = 30_000_000
CARDS = [card for card in shipped_models() if card.task == "segmentation"]


@pytest.fixture(scope="module")
def folder():
    return next(place for place in model_folders() if place.parent.name == "segmentation")


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_files_are_those_of_the_card(card, folder):
    assert {"onnx", "safetensors"} <= {file.format for file in card.files} <= {"onnx", "safetensors", INT8}
    for file in card.files:
        path = folder / file.path
        assert sha256_of(path) == file.sha256
        assert path.stat().st_size < LARGEST_FILE_BYTES


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_cards_name_their_recipe_and_say_what_was_measured(card, repository):
    recipes = re.split(r", then |, ", card.recipe)
    assert all((repository / recipe).is_file() for recipe in recipes)
    assert "Not a medical device" in card.limits
    assert all(metric.n > 0 and metric.data for metric in card.metrics)


def test_every_file_beside_the_cards_belongs_to_one(folder):
    known = {file.path for card in CARDS for file in card.files} | {f"{card.name}.card.json" for card in CARDS}
    assert {path.name for path in folder.iterdir()} == known


@pytest.mark.slow
@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_a_drawn_spine_is_found(card, folder):
    with unreported():
        pytest.importorskip("openvino", reason="OpenVINO is not installed")
    from spinemr.segmentation.inference.predict import predict
    from spinemr.segmentation.inference.runtime import OpenVinoRuntime
    from spinemr.synthesis.study import draw_study

    study = draw_study(20261121, contrast="t2", pathology=())
    onnx = next(file.path for file in card.files if file.format == "onnx")
    volume = predict(study.image, OpenVinoRuntime(folder / onnx, 1), card.input)
    truth = class_table()[volume.frame.forward_array(sitk.GetArrayViewFromImage(study.labels))]
    dice = {name: _dice(volume.classes, truth, name) for name in ("body", "disc", "canal")}
    assert min(dice.values()) > 0.8, dice


def _dice(predicted, truth, name):
    mine, true = (certainly(np.left_shift(np.uint8(1), classes), STRUCTURES[name]) for classes in (predicted, truth))
    return Overlap.of(mine, true).dsc
