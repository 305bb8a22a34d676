"""Shape features against pyradiomics within 1e-6, and against the IBSI-1 digital phantom at three significant digits."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from spinemr.imaging.files import read_image, read_labels
from spinemr.radiomics.features.cube_table import cube_table
from spinemr.radiomics.features.shape2d import shape2d_features
from spinemr.radiomics.features.shape3d import shape_features
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings
from spinemr.synthesis.study import draw_study

RELATIVE = 1e-6
LENGTH_OF_NOTHING_MM = 1e-6
"""An axis along which a mask has no extent: what rounding leaves of 0 is 4 sqrt(1e-16) of the other axes."""
IBSI = {
    "morph_volume": "MeshVolume",
    "morph_vol_approx": "VoxelVolume",
    "morph_area_mesh": "SurfaceArea",
    "morph_av": "SurfaceVolumeRatio",
    "morph_comp_1": "Compactness1",
    "morph_comp_2": "Compactness2",
    "morph_sph_dispr": "SphericalDisproportion",
    "morph_sphericity": "Sphericity",
    "morph_asphericity": "Asphericity",
    "morph_diam": "Maximum3DDiameter",
    "morph_pca_maj_axis": "MajorAxisLengthIBSI",
    "morph_pca_min_axis": "MinorAxisLengthIBSI",
    "morph_pca_least_axis": "LeastAxisLengthIBSI",
    "morph_pca_elongation": "Elongation",
    "morph_pca_flatness": "Flatness",
}


def region_of(mask, spacing_mm):
    return Region.cut(np.zeros(mask.shape), mask, spacing_mm)


def as_image(region):
    image = sitk.GetImageFromArray(region.mask.astype(np.uint8))
    image.SetSpacing(region.spacing_mm[::-1])
    return image


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=RELATIVE, abs=LENGTH_OF_NOTHING_MM, nan_ok=True), name


@pytest.fixture(scope="module")
def assert_parity(pyradiomics_features):
    def compare(mask, spacing_mm):
        region = region_of(mask, spacing_mm)
        image = as_image(region)
        assert_same(shape_features(region, Settings()), pyradiomics_features("shape", image, image, Settings()))
        for axis in range(3):
            if region.mask.shape[axis] == 1:
                flat = Settings(force_2d=True, force_2d_dimension=axis)
                assert_same(shape2d_features(region, flat), pyradiomics_features("shape2D", image, image, flat))

    return compare


def blob(rng, shape, sigma, part):
    values = ndimage.gaussian_filter(rng.normal(size=shape), sigma)
    return values > np.quantile(values, 1 - part)


@pytest.mark.parametrize("tag", IBSI)
def test_ibsi_phantom(tag, ibsi_phantom, ibsi_reference):
    region = Region.of(*ibsi_phantom)
    found = shape_features(region, Settings(), (IBSI[tag],))[IBSI[tag]]
    assert float(f"{found:.3g}") == ibsi_reference(tag).value


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (4.4, 0.625, 0.625), (0.9, 1.7, 0.4)])
@pytest.mark.parametrize(("shape", "sigma", "part"), [((9, 30, 28), 3.0, 0.4), ((12, 13, 14), 1.0, 0.6), ((9, 9, 9), 0.0, 0.5)])
def test_blobs(assert_parity, rng, shape, sigma, part, spacing_mm):
    assert_parity(blob(rng, shape, sigma, part), spacing_mm)


@given(arrays.arrays(bool, st.tuples(*[st.integers(1, 7)] * 3)).filter(np.any), st.tuples(*[st.floats(0.2, 6.0)] * 3))
@settings(max_examples=60)
def test_any_small_mask(assert_parity, mask, spacing_mm):
    assert_parity(mask, spacing_mm)


@pytest.mark.parametrize("size", [(1, 1, 1), (1, 1, 9), (7, 1, 1), (1, 12, 20), (5, 6, 1), (4, 1, 5), (3, 4, 5), (2, 40, 60)])
def test_masks_that_fill_the_image(assert_parity, size):
    assert_parity(np.ones(size, dtype=bool), (3.0, 0.8, 0.6))


def test_touching_the_border_hollow_and_in_pieces(assert_parity):
    shell = np.ones((8, 9, 10), dtype=bool)
    shell[2:5, 2:5, 2:5] = False
    assert_parity(shell, (2.0, 1.0, 1.0))
    pieces = np.zeros((10, 20, 20), dtype=bool)
    pieces[0, :3, :3] = pieces[-1, -4:, -4:] = pieces[5, 0, -1] = True
    assert_parity(pieces, (2.0, 1.0, 1.0))
    assert_parity(np.indices((5, 5, 5)).sum(axis=0) % 2 == 0, (2.0, 1.0, 1.0))


@pytest.mark.parametrize("label", [20, 123, 61])
def test_drawn_structures(assert_parity, drawn, label):
    if label not in drawn[1]:
        pytest.fail(f"the drawn study has no label {label}")
    assert_parity(drawn[1] == label, drawn[0])


@pytest.fixture(scope="module")
def drawn():
    labels = draw_study(5, scanner="cedar-1.5t-t1", grade="II", pathology=()).labels
    return labels.GetSpacing()[::-1], sitk.GetArrayFromImage(labels)


def test_one_slice_of_a_drawn_study(assert_parity, drawn):
    spacing_mm, labels = drawn
    middle = labels[labels.shape[0] // 2 : labels.shape[0] // 2 + 1]
    for label in (22, 124):
        assert_parity(middle == label, spacing_mm)


def test_features_on_request(rng):
    radiomics = pytest.importorskip("radiomics")
    region = region_of(blob(rng, (9, 30, 28), 3.0, 0.4), (4.4, 0.625, 0.625))
    theirs = radiomics.shape.RadiomicsShape(as_image(region), as_image(region))
    names = ("Compactness1", "Compactness2", "SphericalDisproportion")
    expected = {name: getattr(theirs, f"get{name}FeatureValue")() for name in names}
    assert shape_features(region, Settings(), names) == pytest.approx(expected, rel=RELATIVE)
    single = region_of(blob(rng, (1, 30, 28), 3.0, 0.4), (4.4, 0.625, 0.625))
    theirs = radiomics.shape2D.RadiomicsShape2D(as_image(single), as_image(single), force2D=True)
    found = shape2d_features(single, Settings(force_2d=True), ("SphericalDisproportion",))
    assert found["SphericalDisproportion"] == pytest.approx(theirs.getSphericalDisproportionFeatureValue(), rel=RELATIVE)


@pytest.mark.parametrize("code", range(256))
def test_each_cube_by_itself(code):
    radiomics = pytest.importorskip("radiomics")
    cube = np.array([bool(code >> bit & 1) for bit in range(8)]).reshape(2, 2, 2)
    spacing_mm = np.array([1.0, 1.37, 2.21])
    area, volume, _ = radiomics.cShape.calculate_coefficients(cube, spacing_mm)
    table = cube_table()
    normals = table.normals[table.codes == code] * spacing_mm[[1, 0, 0]] * spacing_mm[[2, 2, 1]]
    assert np.linalg.norm(normals, axis=1).sum() / 2 == pytest.approx(area)
    assert table.volumes[code] * spacing_mm.prod() / 6 == pytest.approx(volume, abs=1e-12)


@pytest.mark.realdata
def test_real_discs_and_canal(assert_parity, data_dir):
    folder = data_dir / "spider_t2space"
    labels = read_labels(next(iter(sorted(folder.glob("*_label.nii.gz")))))
    assert read_image(next(iter(sorted(folder.glob("*_image.nii.gz"))))).GetSize() == labels.GetSize()
    array = sitk.GetArrayFromImage(labels)
    discs, count = ndimage.label(array == 2)
    assert count >= 4
    for index, box in enumerate(ndimage.find_objects(discs)[:3], start=1):
        assert_parity(discs[box] == index, labels.GetSpacing()[::-1])
