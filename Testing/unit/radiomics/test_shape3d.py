from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.spatial.distance import pdist

from spinemr.imaging.errors import InputError
from spinemr.radiomics.features.cube_table import triangles_of
from spinemr.radiomics.features.diameters import FEW, diameter, planar_diameter, vertices_of
from spinemr.radiomics.features.shape3d import NAMES, shape_features
from spinemr.radiomics.features.surface import cube_codes, surface_of
from spinemr.radiomics.region import Region
from spinemr.radiomics.settings import Settings

# What pyradiomics 3.1 gives for the masks below.
SPECKLE = {
    "Elongation": 0.372733159369,
    "Flatness": 0.291156881858,
    "LeastAxisLength": 5.714019276,
    "MajorAxisLength": 19.62522486,
    "Maximum2DDiameterColumn": 18.8509946687,
    "Maximum2DDiameterRow": 18.4835061609,
    "Maximum2DDiameterSlice": 7.6550636836,
    "Maximum3DDiameter": 19.3132079158,
    "MeshVolume": 199.85,
    "MinorAxisLength": 7.31497206541,
    "Sphericity": 0.250790599556,
    "SurfaceArea": 659.136921338,
    "SurfaceVolumeRatio": 3.29815822536,
    "VoxelVolume": 250.32,
    "Compactness1": 0.00666293777577,
    "Compactness2": 0.0157737066967,
    "SphericalDisproportion": 3.98739028405,
}
DISC = {
    "Elongation": 0.801966188642,
    "Flatness": 0.549843251563,
    "LeastAxisLength": 11.6897283726,
    "MajorAxisLength": 21.2601106577,
    "Maximum2DDiameterColumn": 22.9314194938,
    "Maximum2DDiameterRow": 18.3371208209,
    "Maximum2DDiameterSlice": 22.7560980838,
    "Maximum3DDiameter": 23.9075301945,
    "MeshVolume": 3048.76,
    "MinorAxisLength": 17.0498899143,
    "Sphericity": 0.861545310547,
    "SurfaceArea": 1180.19787088,
    "SurfaceVolumeRatio": 0.387107503012,
    "VoxelVolume": 3058.11,
    "Compactness1": 0.0424244344195,
    "Compactness2": 0.639490899732,
    "SphericalDisproportion": 1.16070505841,
}
small_masks = arrays.arrays(bool, arrays.array_shapes(min_dims=3, max_dims=3, max_side=6)).filter(np.any)
spacings = st.tuples(*[st.floats(0.2, 6.0)] * 3)


def features_of(mask, spacing_mm=(1.0, 1.0, 1.0), wanted=()):
    return shape_features(Region.cut(np.zeros(mask.shape), mask, spacing_mm), Settings(), wanted)


def speckle():
    z, y, x = np.mgrid[0:6, 0:7, 0:8]
    return (7 * x + 11 * y + 13 * z + x * y * z) % 5 < 2


def disc():
    z, y, x = np.mgrid[-9:10, -15:16, -20:21]
    return (z / 8) ** 4 + (y / 13) ** 2 + ((x + y / 3) / 18) ** 2 < 1


@pytest.mark.parametrize(
    ("mask", "spacing_mm", "expected"), [(speckle(), (3.0, 0.7, 0.8), SPECKLE), (disc(), (1.1, 0.5, 0.6), DISC)]
)
def test_values_are_those_of_pyradiomics(mask, spacing_mm, expected):
    found = features_of(mask, spacing_mm, (*NAMES, "Compactness1", "Compactness2", "SphericalDisproportion"))
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("size", [(1, 1, 1), (1, 4, 5), (1, 1, 7), (3, 4, 5)])
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (3.0, 0.5, 0.7)])
def test_a_box_has_bevelled_edges_and_cut_corners(size, spacing_mm):
    n, s = np.array(size), np.array(spacing_mm)
    found = features_of(np.ones(size, dtype=bool), spacing_mm)
    volume = (n.prod() - np.sum(n - 1) / 2 - 8 * 5 / 48) * s.prod()
    pairs = ((0, 1, 2), (1, 0, 2), (2, 0, 1))
    faces = sum(2 * (n[b] - 1) * (n[c] - 1) * s[b] * s[c] for _, b, c in pairs)
    bevels = sum(4 * (n[a] - 1) * s[a] * np.hypot(s[b], s[c]) / 2 for a, b, c in pairs)
    corners = np.sqrt(sum((s[b] * s[c]) ** 2 for _, b, c in pairs))
    assert found["MeshVolume"] == pytest.approx(volume)
    assert found["SurfaceArea"] == pytest.approx(faces + bevels + corners)
    assert found["VoxelVolume"] == pytest.approx(n.prod() * s.prod())
    assert found["SurfaceVolumeRatio"] == pytest.approx((faces + bevels + corners) / volume)
    lengths = sorted(4 * np.sqrt((n**2 - 1) / 12) * s)
    assert [found[f"{name}AxisLength"] for name in ("Least", "Minor", "Major")] == pytest.approx(lengths)
    reach = [np.linalg.norm((n - 1 + np.eye(3)[axis]) * s) for axis in range(3)]
    assert found["Maximum3DDiameter"] == pytest.approx(max(reach))


def test_the_diameters_of_a_box_in_its_three_kinds_of_planes():
    found = features_of(np.ones((3, 5, 9), dtype=bool), (2.0, 1.0, 0.5))
    in_slice, in_column, in_row = np.hypot(5, 4), np.hypot(6, 4), np.hypot(6, 4)
    assert found["Maximum2DDiameterSlice"] == pytest.approx(in_slice)
    assert found["Maximum2DDiameterColumn"] == pytest.approx(in_column)
    assert found["Maximum2DDiameterRow"] == pytest.approx(in_row)


def test_a_ball_is_nearly_a_sphere():
    radius = 15
    grid = np.mgrid[-17:18, -17:18, -17:18]
    found = features_of(np.sum(grid**2, axis=0) < radius**2, wanted=("MeshVolume", "Maximum3DDiameter", "Elongation", "Flatness"))
    assert found["MeshVolume"] == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.02)
    assert found["Maximum3DDiameter"] == pytest.approx(2 * radius, abs=1)
    assert found["Elongation"] == pytest.approx(1)
    assert found["Flatness"] == pytest.approx(1)


def test_a_single_voxel_has_no_axes():
    found = features_of(np.ones((1, 1, 1), dtype=bool), (1.0, 2.0, 3.0))
    assert [found[name] for name in ("MajorAxisLength", "MinorAxisLength", "LeastAxisLength")] == [0, 0, 0]
    assert np.isnan([found["Elongation"], found["Flatness"]]).all()
    assert found["MeshVolume"] == pytest.approx(1)
    assert found["Maximum3DDiameter"] == pytest.approx(3)


def test_a_slanted_line_has_no_width():
    found = features_of(np.eye(5, dtype=bool)[None], (2.0, 1.0, 1.0))
    assert found["MajorAxisLength"] == pytest.approx(4 * np.sqrt(2 * (25 - 1) / 12))
    assert found["MinorAxisLength"] == pytest.approx(0, abs=1e-6)
    assert not np.isnan(found["LeastAxisLength"])


def test_features_on_request_follow_from_the_sphericity():
    found = features_of(disc(), wanted=("Sphericity", "Asphericity", "Compactness1", "Compactness2", "SphericalDisproportion"))
    assert found["Compactness2"] == pytest.approx(found["Sphericity"] ** 3)
    assert found["Compactness1"] == pytest.approx(found["Sphericity"] ** 1.5 / (6 * np.pi))
    assert found["SphericalDisproportion"] == pytest.approx(1 / found["Sphericity"])
    assert found["Asphericity"] == pytest.approx(1 / found["Sphericity"] - 1)


def test_axes_as_the_ibsi_has_them_come_from_the_variance_of_a_sample():
    row = features_of(np.ones((1, 1, 4), dtype=bool), (1.0, 1.0, 3.0), ("MajorAxisLengthIBSI", "MinorAxisLengthIBSI"))
    assert row["MajorAxisLengthIBSI"] == pytest.approx(4 * np.std([0, 3, 6, 9], ddof=1))
    assert row["MinorAxisLengthIBSI"] == 0
    assert np.isnan(features_of(np.ones((1, 1, 1), dtype=bool), wanted=("LeastAxisLengthIBSI",))["LeastAxisLengthIBSI"])


def test_only_wanted_features_are_given_in_the_order_asked_for():
    assert list(features_of(disc(), wanted=("VoxelVolume", "Flatness"))) == ["VoxelVolume", "Flatness"]


def test_unknown_features_are_refused():
    with pytest.raises(InputError, match="no shape feature Roundness"):
        features_of(disc(), wanted=("Roundness",))


def test_intensities_and_the_place_in_the_image_play_no_part(rng):
    mask = np.zeros((20, 40, 50), dtype=bool)
    mask[1:20, 6:37, 3:44] = disc()
    far = np.roll(mask, (0, 2, 5), axis=(0, 1, 2))
    one = shape_features(Region.cut(rng.normal(size=mask.shape), mask, (1.0, 1.0, 1.0)), Settings())
    assert shape_features(Region.cut(rng.normal(size=mask.shape), far, (1.0, 1.0, 1.0)), Settings()) == one


def test_turning_a_mask_swaps_the_planes():
    along = features_of(disc(), (1.1, 0.5, 0.6))
    turned = features_of(disc().transpose(2, 0, 1), (0.6, 1.1, 0.5))
    assert turned["Maximum2DDiameterSlice"] == pytest.approx(along["Maximum2DDiameterRow"])
    assert turned["Maximum2DDiameterColumn"] == pytest.approx(along["Maximum2DDiameterSlice"])
    assert turned["Maximum2DDiameterRow"] == pytest.approx(along["Maximum2DDiameterColumn"])
    assert turned["MajorAxisLength"] == pytest.approx(along["MajorAxisLength"])
    assert turned["MeshVolume"] == pytest.approx(along["MeshVolume"], rel=1e-3)


@pytest.mark.parametrize("code", range(256))
def test_every_cube_separates_its_corners(code):
    corners = list(product((0, 1), repeat=3))
    inside = {corner for bit, corner in enumerate(corners) if code >> bit & 1}
    expected = {
        tuple(np.add(a, b).tolist())
        for a, b in product(corners, corners)
        if np.abs(np.subtract(a, b)).sum() == 1 and (a in inside) != (b in inside)
    }
    triangles = triangles_of(code)
    assert {vertex for triangle in triangles for vertex in triangle} == expected
    opposite = {frozenset(triangle) for triangle in triangles_of(code ^ 255)}
    assert opposite == {frozenset(triangle) for triangle in triangles}
    outwards = sum((np.array(corner) - 0.5) * (-1 if corner in inside else 1) for corner in corners)
    flux = sum((np.cross(np.subtract(b, a), np.subtract(c, a)) for a, b, c in triangles), np.zeros(3))
    assert flux @ outwards > 0 or not outwards.any()


@given(small_masks, spacings)
def test_sums_over_codes_are_sums_over_triangles(mask, spacing_mm):
    codes = cube_codes(np.pad(mask, 1))
    places = [np.array(place) for place in np.ndindex(codes.shape)]
    triangles = [2 * place + np.array(t) for place in places for t in triangles_of(int(codes[tuple(place)]))]
    a, b, c = (np.array(triangles) / 2 * spacing_mm).transpose(1, 0, 2)
    surface = surface_of(mask, spacing_mm)
    assert surface.area_mm2 == pytest.approx(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)
    assert surface.volume_mm3 == pytest.approx(np.sum(a * np.cross(b, c)) / 6, abs=1e-9 * np.prod(spacing_mm))


@given(small_masks, spacings)
def test_diameters_are_those_of_all_pairs_of_vertices(mask, spacing_mm):
    middles = all_middles(mask)
    points = middles * np.array(spacing_mm) / 2
    vertices = vertices_of(mask)
    assert diameter(vertices * (np.array(spacing_mm) / 2)) == pytest.approx(pdist(points).max())
    for axis in range(3):
        planes = [points[middles[:, axis] == place] for place in np.unique(middles[:, axis])]
        expected = max(pdist(plane).max(initial=0) for plane in planes)
        assert planar_diameter(vertices, spacing_mm, axis) == pytest.approx(expected)


def all_middles(mask):
    padded = np.pad(mask, 1)
    places = np.argwhere(padded | True)
    found = []
    for axis in range(3):
        step = np.eye(3, dtype=int)[axis]
        inner = places[places[:, axis] < padded.shape[axis] - 1]
        differs = padded[tuple(inner.T)] != padded[tuple((inner + step).T)]
        found.append(2 * inner[differs] + step)
    return np.concatenate(found)


@pytest.mark.parametrize("kind", ["sphere", "cube", "flat", "line", "three corners"])
def test_the_diameter_of_many_points(kind, rng):
    points = rng.normal(size=(5 * FEW, 3))
    if kind == "sphere":
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    elif kind == "cube":
        points = rng.uniform(-1, 1, size=points.shape)
    elif kind == "flat":
        points[:, :2] /= np.linalg.norm(points[:, :2], axis=1, keepdims=True)
        points[:, 2] = 3
    elif kind == "line":
        points = np.outer(points[:, 0], [1.0, 2.0, 3.0])
    else:
        points = 0.01 * points + np.array([[0, 0, 0], [1, 0, 0], [0.5, np.sqrt(0.75), 0]])[rng.integers(3, size=len(points))]
    assert diameter(points) == pytest.approx(pdist(points).max(), rel=1e-12)
