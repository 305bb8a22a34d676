import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.spatial.distance import pdist

from spinemr.imaging.errors import InputError
from spinemr.radiomics.features.diameters import diameter, vertices_of
from spinemr.radiomics.features.outline import outline_of
from spinemr.radiomics.features.shape2d import NAMES, shape2d_features
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings

# What pyradiomics 3.1 gives for the figure below, lying across each of the axes of a grid of 2.0 x 0.7 x 0.9 mm.
ACROSS = {
    0: {
        "Elongation": 0.62745518934,
        "MajorAxisLength": 12.15899272,
        "MaximumDiameter": 11.3740933705,
        "MeshSurface": 32.445,
        "MinorAxisLength": 7.62922307934,
        "Perimeter": 72.9471924291,
        "PerimeterSurfaceRatio": 2.24833387052,
        "PixelSurface": 34.65,
        "Sphericity": 0.27680264754,
    },
    1: {
        "Elongation": 0.557617158609,
        "MajorAxisLength": 21.8015248096,
        "MaximumDiameter": 20.1246117975,
        "MeshSurface": 92.7,
        "MinorAxisLength": 12.1569043177,
        "Perimeter": 133.020020018,
        "PerimeterSurfaceRatio": 1.43495167225,
        "PixelSurface": 99.0,
        "Sphericity": 0.256582947759,
    },
    2: {
        "Elongation": 0.433717810127,
        "MajorAxisLength": 21.8011333384,
        "MaximumDiameter": 19.3132079158,
        "MeshSurface": 72.1,
        "MinorAxisLength": 9.45553980983,
        "Perimeter": 126.177442412,
        "PerimeterSurfaceRatio": 1.75003387534,
        "PixelSurface": 77.0,
        "Sphericity": 0.238556274729,
    },
}


def features_of(mask, spacing_mm=(1.0, 1.0), wanted=()):
    region = Region.cut(np.zeros((1, *mask.shape)), mask[None], (5.0, *spacing_mm))
    return shape2d_features(region, Settings(force_2d=True), wanted)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_values_are_those_of_pyradiomics(axis):
    y, x = np.mgrid[0:9, 0:11]
    mask = np.expand_dims((5 * x + 3 * y + x * y) % 7 < 4, axis)
    region = Region.cut(np.zeros(mask.shape), mask, (2.0, 0.7, 0.9))
    found = shape2d_features(region, Settings(force_2d=True, force_2d_dimension=axis))
    assert list(found) == list(ACROSS[axis])
    assert found == pytest.approx(ACROSS[axis], rel=1e-11)


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (4, 1), (3, 5)])
def test_a_rectangle_has_cut_corners(size):
    (rows, columns), (height, width) = size, (0.5, 2.0)
    found = features_of(np.ones(size, dtype=bool), (height, width))
    area = (rows * columns - 4 / 8) * height * width
    perimeter = 2 * (rows - 1) * height + 2 * (columns - 1) * width + 2 * np.hypot(height, width)
    assert found["MeshSurface"] == pytest.approx(area)
    assert found["Perimeter"] == pytest.approx(perimeter)
    assert found["PerimeterSurfaceRatio"] == pytest.approx(perimeter / area)
    assert found["PixelSurface"] == pytest.approx(rows * columns)
    across = np.hypot(rows * height, (columns - 1) * width), np.hypot((rows - 1) * height, columns * width)
    assert found["MaximumDiameter"] == pytest.approx(max(across))
    lengths = sorted([4 * np.sqrt((rows**2 - 1) / 12) * height, 4 * np.sqrt((columns**2 - 1) / 12) * width])
    assert [found["MinorAxisLength"], found["MajorAxisLength"]] == pytest.approx(lengths)


def test_a_disc_is_nearly_a_circle():
    y, x = np.mgrid[-50:51, -50:51]
    found = features_of(x**2 + y**2 < 45**2)
    assert found["MeshSurface"] == pytest.approx(np.pi * 45**2, rel=0.01)
    assert found["MaximumDiameter"] == pytest.approx(90, abs=1)
    assert found["Elongation"] == pytest.approx(1)
    assert found["Sphericity"] == pytest.approx(1, abs=0.08)


def test_pixels_that_meet_at_a_corner_have_outlines_of_their_own():
    alone, pair = features_of(np.ones((1, 1), dtype=bool)), features_of(np.eye(2, dtype=bool))
    assert pair["Perimeter"] == pytest.approx(2 * alone["Perimeter"])
    assert pair["MeshSurface"] == pytest.approx(2 * alone["MeshSurface"])


def test_a_single_pixel_has_no_axes():
    found = features_of(np.ones((1, 1), dtype=bool))
    assert found["MajorAxisLength"] == found["MinorAxisLength"] == 0
    assert np.isnan(found["Elongation"])


def test_the_spherical_disproportion_comes_on_request():
    mask = np.ones((3, 4), dtype=bool)
    assert "SphericalDisproportion" not in features_of(mask)
    found = features_of(mask, wanted=("SphericalDisproportion", "Sphericity"))
    assert list(found) == ["SphericalDisproportion", "Sphericity"]
    assert found["SphericalDisproportion"] == pytest.approx(1 / found["Sphericity"])


@given(arrays.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))).filter(np.any))
def test_area_and_diameter_are_those_of_the_vertices(mask):
    height, width = 0.7, 1.9
    padded = np.pad(mask, 1).astype(float)
    means = (padded[1:, 1:] + padded[:-1, 1:] + padded[1:, :-1] + padded[:-1, :-1]) / 4
    diagonal = (padded[1:, 1:] == padded[:-1, :-1]) & (padded[1:, :-1] == padded[:-1, 1:]) & (means == 0.5)
    parts = np.interp(means, [0, 0.25, 0.5, 0.75, 1], [0, 0.125, 0.5, 0.875, 1]) - 0.25 * diagonal
    assert outline_of(mask, (height, width)).area_mm2 == pytest.approx(parts.sum() * height * width)
    rows = [(2 * y, 2 * x + 1) for y, x in np.argwhere(np.diff(padded, axis=1))]
    columns = [(2 * y + 1, 2 * x) for y, x in np.argwhere(np.diff(padded, axis=0))]
    points = np.array(rows + columns) * (height / 2, width / 2)
    assert diameter(vertices_of(mask) * (height / 2, width / 2)) == pytest.approx(pdist(points).max())


@pytest.mark.parametrize(
    ("settings", "size", "message"),
    [
        (Settings(), (1, 3, 3), "need force2D"),
        (Settings(force_2d=True), (2, 3, 3), "2 slices thick"),
        (Settings(force_2d=True, force_2d_dimension=2), (1, 3, 4), "4 slices thick"),
        (Settings(force_2d=True, force_2d_dimension=3), (1, 3, 3), "0, 1 or 2, not 3"),
    ],
)
def test_what_is_not_one_slice_is_refused(settings, size, message):
    region = Region(np.zeros(size), np.ones(size, dtype=bool), (1.0, 1.0, 1.0))
    with pytest.raises(InputError, match=message):
        shape2d_features(region, settings)


def test_unknown_features_are_refused():
    with pytest.raises(InputError, match="no shape2D feature Volume"):
        features_of(np.ones((2, 2), dtype=bool), wanted=("Volume",))
    assert len(NAMES) == 9
