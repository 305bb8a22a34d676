"""Harmonizers that ship: whole, as their cards say, small, and able to take a drawn study without moving it."""

from __future__ import annotations

import re
from importlib.util import find_spec

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.harmonization.chosen import chosen_method
from spinemr.harmonization.classical.scales import shipped_scale
from spinemr.harmonization.inference.network_method import open_reference
from spinemr.harmonization.inference.reference import named, shipped_references
from spinemr.imaging.geometry import same_grid
from spinemr.imaging.model_card import model_folders, shipped_models
from spinemr.imaging.provenance import sha256_of

LARGEST_FILE_BYTES = 30_000_000
NEEDS_OPENVINO = pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is not installed")
CARDS = [card for card in shipped_models() if card.task == "harmonization"]


@pytest.fixture(scope="module")
def folder():
    return next(place for place in model_folders() if place.parent.name == "harmonization")


def test_there_is_a_reference_of_each_contrast():
    assert {one.target.contrast for one in shipped_references("cyclegan")} == {"t1", "t2"}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_files_are_those_of_the_card(card, folder):
    assert {file.format for file in card.files} == {"onnx", "safetensors"}
    for file in card.files:
        assert sha256_of(folder / file.path) == file.sha256
        assert (folder / file.path).stat().st_size < LARGEST_FILE_BYTES


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_cards_name_their_recipe_and_say_what_was_measured(card, repository):
    assert all((repository / recipe).is_file() for recipe in re.split(r", then |, ", card.recipe))
    assert "Not a medical device" in card.limits
    assert all(metric.n > 0 and metric.data for metric in card.metrics)


def test_every_file_beside_the_cards_belongs_to_one(folder):
    known = {file.path for card in CARDS for file in card.files} | {f"{card.name}.card.json" for card in CARDS}
    assert {path.name for path in folder.iterdir()} == known


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_held_out_images_came_nearer_to_their_truth(card):
    """No reference ships that takes images further from what they should be."""
    value = {metric.name: metric.value for metric in card.metrics}
    error = "Mean absolute error to the true image (0 to 1), "
    similar = "Structural similarity to the true image, "
    assert value[error + "after harmonization"] < value[error + "before"]
    assert value[similar + "after harmonization"] > value[similar + "before"]


@NEEDS_OPENVINO
@pytest.mark.slow
@pytest.mark.parametrize("contrast", ["t1", "t2"])
def test_a_drawn_study_gets_the_reference_of_its_contrast_and_keeps_its_anatomy(contrast):
    from spinemr.synthesis.study import draw_study

    image = draw_study(20261122, contrast=contrast, pathology=()).image
    done = chosen_method("cyclegan", device="cpu").outcome(image)
    assert done.method.as_dict()["target"] == contrast
    assert done.details["returned_slices"] == []
    assert same_grid(done.image, image)
    wanted = sitk.GetArrayFromImage(shipped_scale(contrast).transform(image))
    assert np.corrcoef(sitk.GetArrayFromImage(done.image).ravel(), wanted.ravel())[0, 1] > 0.95


@NEEDS_OPENVINO
def test_a_reference_is_named_and_opened():
    found = open_reference(named(shipped_references(), "cyclegan-t1"), "cpu")
    assert (found.name, found.reference.harmonizer.scale) == ("cyclegan", "t1")
    assert found.units.startswith("0 to 255 as in images of cyclegan-t1/t1 on the T1 scale")
