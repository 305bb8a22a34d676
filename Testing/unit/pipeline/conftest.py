"""A small drawn study whose pixels tell their class, a network that reads it off them, and requests made of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.harmonization.chosen import chosen_method
from spinemr.imaging.files import write_image
from spinemr.imaging.model_card import ModelCard, ModelInput
from spinemr.pipeline.request import CaseRequest, Tools
from spinemr.segmentation.classes import class_table
from spinemr.segmentation.inference.model import OpenModel
from spinemr.synthesis.study import draw_study

PER_CLASS, NOISE = 40, 6
SHA = "ab" * 32


class Told:
    """A network that reads each pixel's class from its intensity: class c shines with c / 6."""

    device = "cpu"

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return np.moveaxis(np.eye(7, dtype=np.float32)[np.clip(np.rint(images[:, 0] * 6).astype(int), 0, 6)], -1, 1)


@dataclass(frozen=True)
class Drawn:
    """An image, the labels it was made of, and what was measured on the anatomy behind them."""

    image: sitk.Image
    labels: sitk.Image
    truth: dict[str, Any]


@pytest.fixture(scope="session")
def drawn() -> Drawn:
    """Seven slices of 160 x 160; every class has its own brightness, with a little noise that is no other class's."""
    study = draw_study(5, scanner="cedar-1.5t-t1", grade="II", pathology=())
    labels = study.labels[::2, ::2, 2:9]
    classes = class_table()[sitk.GetArrayFromImage(labels)].astype(np.int16)
    noise = np.random.default_rng(1).integers(-NOISE, NOISE + 1, classes.shape)
    image = sitk.GetImageFromArray(np.clip(classes * PER_CLASS + noise, 0, 6 * PER_CLASS).astype(np.int16))
    image.CopyInformation(labels)
    return Drawn(image, labels, study.truth)


@pytest.fixture
def image_path(drawn: Drawn, tmp_path: Path) -> Path:
    """The study as a file, in a folder and under a name that may be somebody's."""
    path = tmp_path / "Nováková Anna" / "MUDr. Lékař 腰椎.nii.gz"
    write_image(drawn.image, path)
    return path


@pytest.fixture(scope="session")
def model() -> OpenModel:
    """A model that is never wrong about this study."""
    card = ModelCard(
        *["told"] * 3, "segmentation", *["-"] * 5, ModelInput(1.56, 16, (0.0, 100.0)), files=(), training_data=(), metrics=()
    )
    return OpenModel(card, Told(), SHA)


@pytest.fixture(scope="session")
def tools(model: OpenModel) -> Tools:
    """That model, and the method of cases for which nothing else is asked."""
    return Tools(chosen_method("zscore"), model)


@pytest.fixture
def request_of(image_path: Path) -> Callable[..., CaseRequest]:
    """``request_of(parts=True)``: a request for the study."""

    def made(**options: Any) -> CaseRequest:
        return CaseRequest(**{"image": image_path, "case": "case 7", "harmonize": "zscore", **options})

    return made
