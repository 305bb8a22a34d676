"""Derived images against pyradiomics' own, and wavelets against PyWavelets: names, order, pixel types and every voxel."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.files import read_image
from spinemr.radiomics.filters.bank import derived_images
from spinemr.radiomics.filters.wavelet_filters import decomposition_filters
from spinemr.radiomics.settings import Settings
from spinemr.synthesis.study import draw_study

TYPES = {
    "pointwise": {"Original": {}, "Square": {}, "SquareRoot": {}, "Logarithm": {}, "Exponential": {}},
    "edges": {"LoG": {"sigma": [0.7, 1, 2.5, 40]}, "Gradient": {}},
    "edges by voxels": {"Gradient": {"gradientUseSpacing": False}},
    "wavelet": {"Wavelet": {}},
    "three levels": {"Wavelet": {"level": 3}},
    "later levels": {"Wavelet": {"wavelet": "haar", "level": 2, "start_level": 1}},
    "slice by slice": {"Wavelet": {"force2D": True, "force2Ddimension": 0}},
    "across rows": {"Wavelet": {"force2D": True, "force2Ddimension": 1, "wavelet": "db3"}},
    "db5": {"Wavelet": {"wavelet": "db5", "level": 2}},
    "sym4": {"Wavelet": {"wavelet": "sym4"}},
    "coif2": {"Wavelet": {"wavelet": "coif2"}},
    "biorthogonal": {"Wavelet": {"wavelet": "bior2.4"}},
}
TO_THE_LAST_BIT = ("pointwise", "edges", "edges by voxels", "wavelet", "three levels", "later levels", "slice by slice")
NAMES = ["haar", *(f"db{n}" for n in range(1, 21)), *(f"sym{n}" for n in range(2, 21)), *(f"coif{n}" for n in range(1, 6))]


@pytest.fixture(scope="module")
def operations():
    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    return pytest.importorskip("radiomics").imageoperations


def assert_parity(operations, image, types, relative):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(derived_images(image, image, Settings(image_types=types)))
        expected = [
            (name, derived)
            for kind, options in types.items()
            for derived, name, _ in getattr(operations, f"get{kind}Image")(image, image, **options)
        ]
    assert [name for name, _ in found] == [name for name, _ in expected]
    for (name, ours), (_, theirs) in zip(found, expected, strict=True):
        assert ours.GetPixelID() == theirs.GetPixelID(), name
        for grid in ("Size", "Spacing", "Origin", "Direction"):
            assert getattr(ours, f"Get{grid}")() == getattr(theirs, f"Get{grid}")(), name
        values = sitk.GetArrayFromImage(theirs).astype(np.float64)
        worst = np.abs(sitk.GetArrayFromImage(ours) - values).max()
        assert worst <= relative * np.abs(values).max(), name


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("pixel", [np.float64, np.float32, np.int16, np.uint8])
@pytest.mark.parametrize("shape", [(8, 10, 12), (9, 13, 14), (5, 7, 5)])
def test_images(operations, rng, kind, pixel, shape):
    values = rng.uniform(0 if pixel is np.uint8 else -80, 200, size=shape)
    values[:, :3] = 50
    image = sitk.GetImageFromArray(values.astype(pixel))
    image.SetSpacing((0.6, 0.7, 3.0))
    image.SetOrigin((1.0, -2.0, 5.0))
    last_digits = 1e-6 if pixel is np.float32 else 1e-11
    assert_parity(operations, image, TYPES[kind], 0.0 if kind in TO_THE_LAST_BIT else last_digits)


@pytest.mark.parametrize("shape", [(1, 21, 20), (2, 9, 3), (1, 1, 8)])
@pytest.mark.parametrize("pixel", [np.float64, np.float32])
def test_axes_shorter_than_the_filter(operations, rng, shape, pixel):
    image = sitk.GetImageFromArray(rng.uniform(0, 200, size=shape).astype(pixel))
    assert_parity(operations, image, {"Wavelet": {}}, 0.0)
    assert_parity(operations, image, {"Wavelet": {"wavelet": "haar", "level": 2}}, 0.0)


def test_a_slanted_drawn_study(operations):
    image = draw_study(5, scanner="cedar-1.5t-t1", grade="II", pathology=()).image[60:160, 130:231, :]
    types = {"LoG": {"sigma": [1.0, 3.0]}, "Wavelet": {}, "Gradient": {}, "Exponential": {}, "Square": {}}
    assert_parity(operations, image, types, 0.0)


@pytest.mark.realdata
def test_a_real_study(operations, data_dir):
    image = read_image(sorted((data_dir / "spider_t2space").glob("*_image.nii.gz"))[0])[100:220, 150:271, :]
    assert_parity(operations, image, {"LoG": {"sigma": [2.0]}, "Wavelet": {}, "Gradient": {}, "Logarithm": {}}, 0.0)


@pytest.mark.parametrize("name", NAMES)
def test_filters_of_wavelets(name):
    wavelet = pytest.importorskip("pywt").Wavelet(name)
    low, high = decomposition_filters(name)
    assert low == pytest.approx(np.array(wavelet.dec_lo), abs=1e-9)
    assert high == pytest.approx(np.array(wavelet.dec_hi), abs=1e-9)
