"""The whole of extraction against pyradiomics: every feature of every image within 1e-6, whatever the settings and the mask.

pyradiomics is not installable everywhere; where it is missing, values it gave once (``data/pyradiomics_default.json``) are held.
"""

from __future__ import annotations

import json
import logging
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import InputError
from spinemr.imaging.files import read_image, read_labels
from spinemr.radiomics.engine import features_of
from spinemr.radiomics.extraction import extract
from spinemr.radiomics.features.families import NAMES
from spinemr.radiomics.parameter_file import parameters_of
from spinemr.radiomics.resampling import Extent
from spinemr.synthesis.study import draw_study

TOLERANCE = 1e-6
STORED = Path(__file__).resolve().parent / "data" / "pyradiomics_default.json"
FILTERS: dict[str, Any] = {
    "Original": {},
    "LoG": {"sigma": [1.0, 3.0], "binWidth": 5},
    "Wavelet": {},
    "Gradient": {},
    "Square": {},
    "SquareRoot": {},
    "Logarithm": {},
    "Exponential": {},
}
DISC, BODY, CANAL = 123, 23, 61


@cache
def drawn() -> tuple[sitk.Image, sitk.Image]:
    """A thick-sliced T1 study from 0 to 255, cut to the discs L4-L5 and nearby so that pyradiomics takes seconds, not minutes."""
    study = draw_study(5, scanner="cedar-1.5t-t1", grade="II", pathology=())
    image, labels = _around(study.image, study.labels, DISC, 6)
    return sitk.Cast(sitk.RescaleIntensity(image, 0, 255), sitk.sitkInt16), labels


def _around(image: sitk.Image, labels: sitk.Image, label: int, pad: int) -> tuple[sitk.Image, sitk.Image]:
    box = Extent.of(labels, label).padded(pad, image.GetSize())
    return box.cut(image), box.cut(labels)


def disagreements(found: dict[str, float], expected: dict[str, float], tolerance: float = TOLERANCE) -> list[str]:
    """Features that one side lacks, and those whose values lie apart; both NaN agree."""
    apart = [
        f"{name}: {found[name]!r} instead of {value!r}"
        for name, value in expected.items()
        if name in found
        and not (math.isnan(value) and math.isnan(found[name]))
        and not math.isclose(found[name], value, rel_tol=tolerance, abs_tol=1e-9)
    ]
    return sorted(set(found) ^ set(expected)) + apart


def assert_parity(image: sitk.Image, mask: sitk.Image, content: dict[str, Any], label: int, count: int | None = None) -> None:
    """Both engines give the same; ``count`` says how many features there have to be."""
    featureextractor = pytest.importorskip("radiomics.featureextractor")
    logging.getLogger("radiomics").setLevel(logging.CRITICAL + 1)
    found = extract(image, mask, parameters_of(content).settings, labels=[label])[label]
    told = {**content, "setting": {**content.get("setting", {}), "additionalInfo": False}}
    told.setdefault("featureClass", {name: [] for name in ("firstorder", "shape", "glcm", "glrlm", "glszm", "gldm", "ngtdm")})
    with np.errstate(all="ignore"):
        answer = featureextractor.RadiomicsFeatureExtractor(told).execute(image, mask, label=label)
    assert disagreements(found, {name: float(value) for name, value in answer.items()}) == []
    assert count is None or len(found) == count


def as_image(array: np.ndarray, spacing: tuple[float, ...] = (1.0, 1.0, 1.0)) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    return image


def noise(shape: tuple[int, ...], spacing: tuple[float, ...] = (0.7, 0.9, 3.3), dtype: type = np.int16) -> sitk.Image:
    """Smoothed noise from 0 to 255."""
    values = np.random.default_rng(20261121).normal(0, 1, shape)
    for axis in range(values.ndim):
        values = values + np.roll(values, 1, axis)
    return as_image(((values - values.min()) / np.ptp(values) * 255).astype(dtype), spacing)


@pytest.mark.parametrize("label", [DISC, BODY, CANAL])
def test_all_default_features_of_a_drawn_study(label):
    assert_parity(*drawn(), {}, label, 107)


@pytest.mark.parametrize(
    "setting",
    [
        {"binWidth": 3},
        {"binCount": 32},
        {"normalize": True, "normalizeScale": 100, "removeOutliers": 2.5, "binWidth": 5},
        {"resampledPixelSpacing": [1, 1, 2]},
        {"resampledPixelSpacing": [1.5, 1.5, 0], "interpolator": "sitkLinear", "normalize": True, "normalizeScale": 100},
        {"resampledPixelSpacing": [2, 2, 2], "interpolator": "sitkNearestNeighbor", "padDistance": 0},
        {"resegmentRange": [-1, 1.5], "resegmentMode": "sigma"},
        {"resegmentRange": [0.4], "resegmentMode": "relative", "resegmentShape": True},
        {"resegmentRange": [200, 40]},
        {"distances": [1, 2], "symmetricalGLCM": False, "weightingNorm": "euclidean", "gldm_a": 1},
        {"force2D": True},
        {"force2D": True, "force2Ddimension": 2},
        {"voxelArrayShift": 300, "minimumROISize": 10, "preCrop": True},
    ],
    ids=lambda setting: ",".join(setting),
)
def test_settings(setting):
    assert_parity(*drawn(), {"setting": setting}, DISC, 107)


@pytest.mark.parametrize("setting", [{}, {"resampledPixelSpacing": [1.5, 1.5, 3]}, {"preCrop": True, "padDistance": 2}], ids=str)
def test_every_filter(setting):
    # One original, two Laplacians, eight wavelets, six others: 18 + 75 features of each, and 14 of shape.
    assert_parity(*drawn(), {"imageType": FILTERS, "setting": setting}, DISC, 16 * 93 + 14)


def test_filters_with_settings_of_their_own():
    types = {"LoG": {"sigma": [2.0], "binCount": 16}, "Wavelet": {"wavelet": "haar", "level": 2}, "Square": {"binWidth": 2}}
    classes = {"firstorder": [], "glcm": ["Idmn", "Contrast"]}
    assert_parity(*drawn(), {"imageType": types, "featureClass": classes}, DISC, (1 + 15 + 1) * 20)


@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.float64])
def test_pixel_types(dtype):
    shape = (6, 20, 24)
    mask = np.zeros(shape, np.uint8)
    mask[1:5, 4:15, 5:20] = 1
    for setting in ({}, {"binWidth": 6.7}, {"normalize": True, "binWidth": 0.1}, {"resampledPixelSpacing": [1, 1, 1]}):
        assert_parity(noise(shape, dtype=dtype), as_image(mask, (0.7, 0.9, 3.3)), {"setting": setting}, 1, 107)


MASKS = {
    "full": np.s_[:, :, :],
    "at the border": np.s_[:3, 5:, :7],
    "one slice": np.s_[2:3, 4:9, 3:12],
    "a plane across": np.s_[:, 6:7, 2:12],
    "two voxels": np.s_[2:3, 4:5, 5:7],
    "a line": np.s_[2:3, 4:5, 2:12],
}


@pytest.mark.parametrize("name", MASKS)
def test_masks_of_every_shape(name):
    image = noise((6, 16, 18))
    mask = np.zeros((6, 16, 18), np.uint8)
    mask[MASKS[name]] = 1
    for setting in ({}, {"binWidth": 10, "force2D": True}):
        assert_parity(image, as_image(mask, (0.7, 0.9, 3.3)), {"setting": {"minimumROIDimensions": 1, **setting}}, 1, 107)


def test_scattered_and_hollow_masks():
    image, rng = noise((7, 18, 20)), np.random.default_rng(3)
    scattered = (rng.random((7, 18, 20)) < 0.1).astype(np.uint8)
    hollow = np.ones((7, 18, 20), np.uint8)
    hollow[2:5, 5:12, 6:15] = 0
    for mask in (scattered, hollow):
        assert_parity(image, as_image(mask, (0.7, 0.9, 3.3)), {"setting": {"binWidth": 12}}, 1, 107)


@pytest.mark.parametrize("value", [-40, 0, 75, 1000])
def test_one_level(value):
    mask = np.zeros((5, 12, 12), np.uint8)
    mask[1:4, 3:9, 2:10] = 1
    array = np.where(mask, value, 200).astype(np.int16)
    assert_parity(as_image(array), as_image(mask), {}, 1, 107)


def test_one_voxel_is_refused_by_both():
    mask = np.zeros((5, 12, 12), np.uint8)
    mask[2, 3, 4] = 1
    with pytest.raises(InputError, match="single voxel"):
        extract(noise((5, 12, 12), (1.0, 1.0, 1.0)), as_image(mask))
    pytest.importorskip("radiomics")
    with pytest.raises(InputError, match="1 segmented voxel"):
        features_of(noise((5, 12, 12), (1.0, 1.0, 1.0)), as_image(mask), engine="pyradiomics")


def test_eight_bit_images_do_not_overflow():
    # With numpy 2 pyradiomics lets its bins of 8-bit images overflow: its engine here gets the image in 16 bit.
    pytest.importorskip("radiomics")
    image, mask = noise((5, 12, 12), dtype=np.uint8), as_image(np.ones((5, 12, 12), np.uint8), (0.7, 0.9, 3.3))
    wide = sitk.Cast(image, sitk.sitkInt16)
    assert extract(image, mask) == extract(wide, mask)
    assert features_of(image, mask, engine="pyradiomics") == features_of(wide, mask, engine="pyradiomics")


def test_negative_intensities():
    image = sitk.Cast(noise((6, 16, 18)), sitk.sitkInt16) - 130
    mask = np.zeros((6, 16, 18), np.uint8)
    mask[1:5, 3:14, 2:15] = 1
    assert_parity(image, as_image(mask, (0.7, 0.9, 3.3)), {"imageType": FILTERS}, 1)


def test_flat_images_are_features_of_one_slice():
    image, labels = drawn()
    # A flat image has no 3D shape, and its Laplacian and wavelets are those of a plane.
    classes = {name: [] for name in NAMES if name != "spinetk"}
    content = {"imageType": {"Original": {}, "LoG": {"sigma": [2.0]}, "Wavelet": {}}, "featureClass": classes}
    assert_parity(image[:, :, 5], labels[:, :, 5], content, DISC, 9 + 6 * 93)


def test_one_slice_of_a_volume_with_its_2d_shape():
    image, labels = drawn()
    content = {"featureClass": {"shape2D": [], "firstorder": []}, "setting": {"force2D": True}}
    assert_parity(image[:, :, 5:6], labels[:, :, 5:6], content, DISC, 9 + 18)


def test_a_mask_on_a_grid_of_its_own_when_resampling():
    image, labels = drawn()
    coarse = sitk.Resample(labels, [18, 11, 9], sitk.Transform(), sitk.sitkNearestNeighbor, labels.GetOrigin(), [2.4, 2.4, 6.5],
                           labels.GetDirection(), 0, labels.GetPixelID())  # fmt: skip
    assert_parity(image, coarse, {"setting": {"resampledPixelSpacing": [1.2, 1.2, 3]}}, DISC, 107)


def test_a_corrected_mask():
    image, labels = drawn()
    part = Extent.of(labels, DISC).padded(2, labels.GetSize()).cut(labels)
    assert_parity(image, part, {"setting": {"correctMask": True}}, DISC, 107)


def test_oblique_directions():
    image, labels = (sitk.Image(volume) for volume in drawn())
    turn = sitk.Euler3DTransform((0, 0, 0), 0.2, -0.3, 0.4)
    direction = np.reshape(turn.GetMatrix(), (3, 3)) @ np.reshape(image.GetDirection(), (3, 3))
    for volume in (image, labels):
        volume.SetDirection(direction.ravel().tolist())
    assert_parity(image, labels, {"setting": {"resampledPixelSpacing": [1, 1, 1]}}, DISC, 107)


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize("setting", [{}, {"resampledPixelSpacing": [1, 1, 1], "binWidth": 5}], ids=str)
def test_real_volumes(data_dir, setting):
    folder = data_dir / "spider_t2space"
    image, labels = read_image(folder / "005_image.nii.gz"), read_labels(folder / "005_label.nii.gz")
    # The whole column of discs: separate the third of them, of ordinary size.
    discs = sitk.RelabelComponent(sitk.ConnectedComponent(labels == 2), sortByObjectSize=True)
    assert_parity(image, discs, {"setting": setting}, 3, 107)


@pytest.mark.realdata
def test_real_slices(data_dir):
    folder = data_dir / "t1_midsagittal"
    path = sorted((folder / "images").glob("*.png"))[0]
    image, labels = sitk.ReadImage(str(path)), sitk.ReadImage(str(folder / "labels" / path.name))
    for label in (3, 4):
        assert_parity(image, labels, {"setting": {"binWidth": 5}}, label, 93)


def stored_case() -> tuple[sitk.Image, sitk.Image]:
    """An image anybody can compute: a wave and a slope in an ellipsoid."""
    z, y, x = np.mgrid[:6, :20, :24]
    values = 120 + 80 * np.sin(0.7 * x + 0.3 * z) * np.cos(0.5 * y) + 3 * x
    mask = ((z - 2.5) / 2.6) ** 2 + ((y - 9) / 8.2) ** 2 + ((x - 12) / 10.4) ** 2 <= 1
    spacing = (0.7, 0.9, 3.3)
    return as_image(np.rint(values).astype(np.int16), spacing), as_image(mask.astype(np.uint8), spacing)


def test_values_pyradiomics_gave_once():
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    assert len(stored["features"]) == 107
    assert disagreements(extract(*stored_case())[1], stored["features"]) == []
