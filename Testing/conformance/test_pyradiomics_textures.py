"""Texture features against pyradiomics, within 1e-6: computed beside it where it is installed, and from stored values of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from spinemr.radiomics.features.discretization import discretize
from spinemr.radiomics.features.glcm import glcm_features
from spinemr.radiomics.features.gldm import gldm_features
from spinemr.radiomics.features.glrlm import glrlm_features
from spinemr.radiomics.features.glszm import glszm_features
from spinemr.radiomics.features.ngtdm import ngtdm_features
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings

STORED = Path(__file__).resolve().parent / "data" / "pyradiomics_texture_values.json"
FAMILIES = {
    "glcm": glcm_features,
    "glrlm": glrlm_features,
    "glszm": glszm_features,
    "gldm": gldm_features,
    "ngtdm": ngtdm_features,
}
SETTINGS = {
    "default": Settings(),
    "narrow bins": Settings(bin_width=4.3),
    "bin count": Settings(bin_count=48),
    "force2D": Settings(bin_width=10, force_2d=True),
    "force2D across rows": Settings(bin_width=10, force_2d=True, force_2d_dimension=1),
    "force2D across columns, weighted": Settings(force_2d=True, force_2d_dimension=2, weighting_norm="manhattan"),
    "two distances": Settings(bin_width=10, distances=(1, 3)),
    "distance 2, force2D": Settings(bin_width=10, distances=(2,), force_2d=True),
    "euclidean": Settings(bin_width=10, weighting_norm="euclidean"),
    "infinity, two distances": Settings(bin_width=10, weighting_norm="infinity", distances=(1, 2)),
    "no weighting": Settings(bin_width=10, weighting_norm="no_weighting"),
    "not symmetrical": Settings(bin_width=10, symmetrical_glcm=False),
    "not symmetrical, weighted": Settings(bin_width=10, symmetrical_glcm=False, weighting_norm="euclidean"),
    "alpha": Settings(bin_width=10, gldm_alpha=2, distances=(1, 2)),
}


def as_images(values, mask, spacing_mm):
    images = sitk.GetImageFromArray(values), sitk.GetImageFromArray(mask.astype(np.uint8))
    for image in images:
        image.SetSpacing(spacing_mm[::-1])
    return images


def assert_same(found, expected, what=""):
    assert list(found) == list(expected), what
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-6, abs=1e-11, nan_ok=True), f"{what} {name}"


@pytest.fixture
def assert_parity(pyradiomics_features):
    def compare(image, mask, settings, label=1):
        region = Region.of(image, mask, label)
        levels = discretize(region, settings)
        for family, compute in FAMILIES.items():
            assert_same(compute(levels, region, settings), pyradiomics_features(family, image, mask, settings, label), family)

    return compare


def around(image, labels, label):
    """Both cut to the label's box, as pyradiomics' own extractor does before it takes features."""
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(labels)
    *first, width, height, depth = shape.GetBoundingBox(label)
    return tuple(sitk.RegionOfInterest(each, (width, height, depth), first) for each in (image, labels))


def smooth_noise(rng, shape, sigma):
    values = ndimage.gaussian_filter(rng.normal(size=shape), sigma)
    return 40 + 215 * (values - values.min()) / np.ptp(values)


def ellipsoid(shape):
    grids = np.ogrid[tuple(slice(-1, 1, size * 1j) for size in shape)]
    return sum(grid**2 for grid in grids) <= 1


def masks(rng, shape):
    """Regions of every kind a structure may have."""
    full = np.ones(shape, dtype=bool)
    inner = np.zeros(shape, dtype=bool)
    inner[1:-1, 2:-2, 2:-2] = True
    holes = ellipsoid(shape) & (rng.random(shape) < 0.85)
    holes[shape[0] // 2 - 1 : shape[0] // 2 + 1, 4:8, 4:8] = False
    parts = inner.copy()
    parts[:, :, shape[2] // 2 - 1 : shape[2] // 2 + 1] = False
    single = np.zeros(shape, dtype=bool)
    single[2] = True
    line = np.zeros(shape, dtype=bool)
    line[2, 3, 1:9] = True
    return {
        "fills the image": full,
        "inside": inner,
        "touches the border": ellipsoid(shape),
        "holes": holes,
        "disconnected": parts,
        "scattered": rng.random(shape) < 0.1,
        "one slice": single,
        "one line": line,
    }


KINDS = ("fills the image", "inside", "touches the border", "holes", "disconnected", "scattered", "one slice", "one line")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["default", "narrow bins", "force2D", "euclidean"])
def test_every_kind_of_mask(assert_parity, rng, kind, name):
    shape = (6, 14, 17)
    values = smooth_noise(rng, shape, 0.8)
    assert_parity(*as_images(values, masks(rng, shape)[kind], (3.3, 0.6, 0.7)), SETTINGS[name])


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting(assert_parity, rng, name):
    shape = (7, 20, 18)
    values = smooth_noise(rng, shape, (0.4, 1.0, 1.0))
    assert_parity(*as_images(values, ellipsoid(shape), (4.0, 0.5, 0.625)), SETTINGS[name])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_every_kind_of_voxel(assert_parity, rng, dtype):
    shape = (5, 16, 16)
    values = (smooth_noise(rng, shape, 1.0) - (100 if dtype is not np.uint8 else 0)).astype(dtype)
    assert_parity(*as_images(values, ellipsoid(shape), (1.0, 1.0, 1.0)), Settings())


def test_a_label_other_than_one(assert_parity, rng):
    shape = (4, 12, 12)
    image, mask = as_images(smooth_noise(rng, shape, 0.7), ellipsoid(shape), (1.0, 1.0, 1.0))
    assert_parity(image, mask * 124, Settings(), label=124)


@pytest.mark.parametrize("count", [None, 16])
def test_one_level(assert_parity, count):
    image, mask = as_images(np.full((4, 5, 6), 130.0), np.ones((4, 5, 6)), (1.0, 1.0, 1.0))
    assert_parity(image, mask, Settings(bin_count=count))


@pytest.mark.parametrize("name", ["default", "force2D"])
def test_one_voxel_has_the_special_values(assert_parity, name):
    """Uncropped, because pyradiomics raises on an image of a single voxel."""
    mask = np.zeros((3, 3, 3))
    mask[1, 1, 1] = 1
    assert_parity(*as_images(np.full((3, 3, 3), 77.0), mask, (1.0, 1.0, 1.0)), SETTINGS[name])


@pytest.mark.parametrize("norm", ["euclidean", "manhattan"])
@pytest.mark.parametrize("thickness_mm", [3.0, 4.0, 5.0])
def test_weights_of_thick_slices_are_next_to_nothing(assert_parity, rng, norm, thickness_mm):
    values = smooth_noise(rng, (4, 9, 9), (0.0, 1.0, 1.0))
    values[:2, 0, 0] = 300  # a pair that only the direction across slices sees
    mask = ellipsoid(values.shape)
    mask[:2, 0, 0] = True
    assert_parity(*as_images(values, mask, (thickness_mm, 0.6, 0.6)), Settings(weighting_norm=norm))


def test_voxels_that_do_not_touch(assert_parity, rng):
    mask = np.zeros((5, 6, 7))
    mask[[0, 2, 4], [0, 3, 5], [0, 3, 6]] = 1
    assert_parity(*as_images(rng.uniform(0, 255, mask.shape), mask, (1.0, 1.0, 1.0)), Settings())


@pytest.mark.slow
def test_more_than_255_levels(assert_parity, rng):
    values = rng.uniform(0, 1000, (4, 16, 16))
    assert_parity(*as_images(values, ellipsoid(values.shape), (1.0, 1.0, 1.0)), Settings(bin_width=2))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_anything(assert_parity, seed):
    rng = np.random.default_rng(seed)
    shape = tuple(int(size) for size in rng.integers(3, 12, 3))
    values = smooth_noise(rng, shape, float(rng.choice([0.0, 0.7, 1.5])))
    mask = rng.random(shape) < rng.choice([0.4, 0.7, 1.0])
    settings = SETTINGS[str(rng.choice(list(SETTINGS)))]
    assert_parity(*as_images(values, mask, (2.0, 0.7, 0.9)), settings)


@pytest.mark.parametrize(
    ("label", "name"), [(22, "default"), (61, "bin count"), (122, "default"), (122, "force2D"), (122, "infinity, two distances")]
)
def test_drawn_spines(assert_parity, drawn, label, name):
    assert_parity(*around(drawn.image, drawn.labels, label), SETTINGS[name], label)


@pytest.fixture(scope="module")
def drawn():
    from spinemr.synthesis.study import draw_study

    return draw_study(5, scanner="cedar-1.5t-t2", grade="III", pathology=())


@pytest.mark.realdata
@pytest.mark.parametrize("case", ["005", "141"])
@pytest.mark.parametrize("settings", [Settings(), Settings(bin_count=64), Settings(force_2d=True, force_2d_dimension=0)])
def test_real_studies(assert_parity, data_dir, case, settings):
    image = sitk.ReadImage(str(data_dir / "spider_t2space" / f"{case}_image.nii.gz"))
    labels = sitk.ReadImage(str(data_dir / "spider_t2space" / f"{case}_label.nii.gz"))
    discs = sitk.RelabelComponent(sitk.ConnectedComponent(labels == 2))
    assert_parity(*around(image, discs, 1), settings)


@pytest.mark.realdata
@pytest.mark.parametrize("label", [3, 13])
def test_real_slices(assert_parity, data_dir, label):
    files = sorted((data_dir / "t1_midsagittal" / "labels").glob("*.png"))[::60]
    assert files
    for path in files:
        images = (sitk.ReadImage(str(data_dir / "t1_midsagittal" / folder / path.name)) for folder in ("images", "labels"))
        image, labels = (sitk.JoinSeries(each) for each in images)
        if (sitk.GetArrayViewFromImage(labels) == label).any():
            assert_parity(*around(image, labels, label), Settings(), label)


def stored_image():
    """Whole numbers from a formula, and a mask with holes that touches two sides."""
    z, y, x = np.mgrid[:5, :12, :11]
    values = (37 * x + 11 * y * y + 29 * z * x + 5 * x * y * z) % 211
    return values.astype(np.float64), ((x + 2 * y + 3 * z) % 7 > 0) & (x + y > 3)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("family", FAMILIES)
def test_stored_values(family, name):
    values, mask = stored_image()
    region = Region.cut(values, mask, (3.0, 0.8, 0.6))
    found = FAMILIES[family](discretize(region, SETTINGS[name]), region, SETTINGS[name])
    expected = json.loads(STORED.read_text(encoding="utf-8"))[name][family]
    assert_same(found, expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_stored_values_are_those_of_pyradiomics(pyradiomics_features, family):
    image, mask = as_images(*stored_image(), (3.0, 0.8, 0.6))
    for name, values in json.loads(STORED.read_text(encoding="utf-8")).items():
        assert_same(pyradiomics_features(family, image, mask, SETTINGS[name]), values[family], name)


def test_wanted_features_only_have_the_same_values():
    values, mask = stored_image()
    region = Region.cut(values, mask, (3.0, 0.8, 0.6))
    levels = discretize(region, Settings())
    for family, compute in FAMILIES.items():
        every = compute(levels, region, Settings())
        for name, value in every.items():
            assert compute(levels, region, Settings(), (name,)) == {name: value}, family


def test_turning_the_image_turns_nothing_else():
    values, mask = stored_image()
    for axes in ((2, 1, 0), (1, 2, 0), (0, 2, 1)):
        straight = Region.cut(values, mask, (3.0, 0.8, 0.6))
        spacing_mm = tuple(straight.spacing_mm[axis] for axis in axes)
        turned = Region.cut(values.transpose(axes), mask.transpose(axes), spacing_mm)
        for across in range(3):
            there = Settings(force_2d=True, force_2d_dimension=across, weighting_norm="euclidean", bin_width=10)
            here = replace(there, force_2d_dimension=axes.index(across))
            for family, compute in FAMILIES.items():
                expected = compute(discretize(straight, there), straight, there)
                found = compute(discretize(turned, here), turned, here)
                assert_same(found, expected, family)
