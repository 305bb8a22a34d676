from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from spinemr.imaging.errors import Cancelled, GeometryError, InputError
from spinemr.imaging.geometry import same_grid
from spinemr.radiomics.preservation.preservation import preservation
from spinemr.radiomics.viewing import Viewing

SAGITTAL = (0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)


def volume(array):
    image = sitk.GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing((0.8, 0.9, 4.0))
    image.SetOrigin((11.0, -60.0, 40.0))
    image.SetDirection(SAGITTAL)
    return image


@pytest.fixture(scope="module")
def study():
    """Five slices of blurred tissue, a mask in the middle three, and a harmonized image with one place moved in slice 3."""
    rng = np.random.default_rng(8)
    field = ndimage.gaussian_filter(rng.normal(size=(5, 96, 90)), (0.8, 6, 6))
    tissue = np.array([0.05, 0.9, 0.35, 0.6])[np.digitize(field, np.quantile(field, (0.25, 0.5, 0.8)))]
    values = 1000 * ndimage.gaussian_filter(tissue, (0, 0.8, 0.8)) + rng.normal(0, 8, tissue.shape)
    rows, columns = np.indices(values.shape[1:], dtype=float)
    fade = np.exp(-((rows - 50) ** 2 + (columns - 45) ** 2) / (2 * 12**2))
    other = 4000 - 3 * values
    other[3] = ndimage.map_coordinates(other[3], [rows - 3 * fade, columns], order=1, mode="nearest")
    mask = np.zeros(values.shape, dtype=np.uint8)
    mask[1:4, 20:80, 20:75] = 122
    return volume(values.astype(np.float32)), volume(other.astype(np.float32)), volume(mask)


@pytest.fixture(scope="module")
def found(study):
    return preservation(*study)


def test_movement_is_found_in_its_slice_and_place(found):
    assert [one.slice for one in found.slices] == [3, 2, 1]  # from right to left, in the file's own numbers
    moved = {one.slice: one.moved_max_mm for one in found.slices}
    assert moved[1] < 0.3 and moved[2] < 0.3
    assert moved[3] == pytest.approx(2.7, abs=0.6)
    assert found.moved_max_mm == moved[3]
    assert found.farthest.slice == 3 and found.farthest.plane == "sagittal"
    column, row, _ = found.farthest.voxel
    assert np.hypot(row - 50, column - 45) < 12


def test_figures_of_the_whole_are_means_over_the_mask(found):
    assert found.edge_alignment == pytest.approx(np.mean([one.edge_alignment for one in found.slices]))
    assert found.gradient_correlation < -0.8
    assert found.gradient_magnitude_correlation > 0.8
    assert found.judged_share > 0.95


def test_maps_lie_on_the_grid_of_the_original(study, found):
    for image in (found.ssim_map, found.edge_map, found.movement_map):
        assert same_grid(image, study[0])
    at = found.farthest.voxel
    assert found.movement_map[at] == pytest.approx(found.moved_max_mm)
    assert study[0].TransformIndexToPhysicalPoint(at) == pytest.approx(found.farthest.point_mm, abs=0.01)


def reordered(image, order, flips):
    return sitk.Flip(sitk.PermuteAxes(image, order), flips)


@pytest.mark.parametrize(("order", "flips"), [((2, 0, 1), (False, True, False)), ((1, 2, 0), (True, False, True))])
def test_any_order_of_axes_gives_the_same(study, found, order, flips):
    other = preservation(*[reordered(image, order, flips) for image in study])
    for name in ("ssim", "edge_alignment", "moved_p95_mm", "moved_max_mm", "gradient_correlation"):
        assert getattr(other, name) == pytest.approx(getattr(found, name), abs=1e-6)
    assert other.farthest.point_mm == pytest.approx(found.farthest.point_mm, abs=0.01)
    assert other.farthest.slice == other.farthest.voxel[order.index(2)]


def test_a_harmonized_image_in_another_order_is_put_right(study, found):
    image, harmonized, mask = study
    other = preservation(image, reordered(harmonized, (1, 2, 0), (True, False, False)), mask)
    assert other.moved_max_mm == pytest.approx(found.moved_max_mm)


def test_scale_and_offset_are_no_change(study):
    image, _, mask = study
    same = preservation(image, sitk.Cast(image, sitk.sitkFloat64) * 7 + 300, mask)
    assert same.ssim == pytest.approx(1, abs=1e-4)
    assert same.edge_alignment == pytest.approx(1, abs=1e-4)
    assert same.moved_max_mm == 0


def test_without_a_mask_everything_is_compared(study):
    image, harmonized, _ = study
    found = preservation(image, harmonized)
    assert len(found.slices) == 5
    assert found.farthest.slice == 3


def test_plain_values_for_json(found):
    plain = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert plain["farthest"]["slice"] == 3
    assert len(plain["slices"]) == 3


def test_a_blank_harmonized_image_is_no_evidence(study):
    image, _, mask = study
    found = preservation(image, image * 0, mask)
    assert np.isnan(found.edge_alignment) and np.isnan(found.moved_max_mm)
    assert found.judged_share == 0
    assert json.dumps(found.as_dict(), allow_nan=False)


def test_bad_input_is_refused(study):
    image, harmonized, mask = study
    with pytest.raises(GeometryError, match="another grid"):
        preservation(image, harmonized[1:, :, :])
    with pytest.raises(InputError, match="empty"):
        preservation(image, harmonized, mask * 0)


def test_it_can_be_cancelled(study):
    def stop(_report):
        raise Cancelled

    with pytest.raises(Cancelled):
        preservation(*study, progress=stop)


def test_single_slices(study):
    image, harmonized, mask = (one[:, :, 3:4] for one in study)
    found = preservation(image, harmonized, mask)
    assert len(found.slices) == 1
    assert found.moved_max_mm == pytest.approx(2.7, abs=0.6)


@pytest.mark.parametrize("spacing", [(0.8, 0.8, 4.0), (4.0, 0.8, 0.8), (0.8, 4.0, 0.8)])
def test_places_point_at_the_voxel_they_name(spacing, rng):
    image = sitk.GetImageFromArray(rng.random((6, 7, 8)).astype(np.float32))
    image.SetSpacing(spacing)
    image.SetDirection((0, 0, 1, -1, 0, 0, 0, -1, 0))
    viewing = Viewing.of(image)
    slices = viewing.slices(image)
    for index in ((0, 0, 0), (2, 3, 4), tuple(n - 1 for n in slices.shape)):
        place = viewing.place(index)
        assert image[place.voxel] == pytest.approx(float(slices[index]))
        assert place.slice == place.voxel[int(np.argmax(spacing))]
        assert image.TransformIndexToPhysicalPoint(place.voxel) == pytest.approx(place.point_mm, abs=0.01)
    assert same_grid(viewing.back(slices), image)
