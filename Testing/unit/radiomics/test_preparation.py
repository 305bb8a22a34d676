"""Checks, normalization, resampling and re-segmentation before features are taken."""

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.errors import GeometryError, ImagingWarning, InputError
from spinemr.radiomics.preparation import labels_of, normalized, on_image_grid, prepare, resegmented
from spinemr.radiomics.resampling import Extent, Source, resampled
from spinemr.radiomics.settings import Settings


def volume(array, spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0)):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    return image


def ramp(shape=(5, 8, 9), dtype=np.int16):
    return volume(np.arange(np.prod(shape)).reshape(shape).astype(dtype))


def box(shape=(5, 8, 9), where=np.s_[1:4, 2:6, 3:8], label=1):
    mask = np.zeros(shape, np.uint8)
    mask[where] = label
    return volume(mask)


def structures(image, mask, settings=Settings(), labels=(1,)):  # noqa: B008
    return [structure for scene in prepare(image, mask, settings, labels) for structure in scene.structures]


def test_a_structure_is_cut_to_its_box():
    (found,) = structures(ramp(), box())
    assert found.box == np.s_[1:4, 2:6, 3:8]
    assert found.mask.shape == (3, 4, 5)
    assert found.mask.all()
    region = found.region(sitk.GetArrayViewFromImage(ramp()), (1.0, 1.0, 1.0))
    assert region.values[0, 0, 0] == 1 * 72 + 2 * 9 + 3


def test_labels_are_listed_without_background():
    assert labels_of(box(label=123)) == (123,)
    assert labels_of(volume(np.array([[[0, 70000]]], np.uint32))) == (70000,)
    assert labels_of(volume(np.zeros((2, 2, 2), np.uint8))) == ()


@pytest.mark.parametrize(
    ("mask", "labels", "said"),
    [
        (box(where=np.s_[:0]), (1,), "The mask is empty"),
        (box(), (2,), "no label 2. It holds: 1"),
        (box(), (0,), "no label 0"),
        (box(), (), "no label"),
        (volume(np.full((5, 8, 9), 0.5)), (1,), "fractions"),
    ],
)
def test_masks_without_what_is_asked_for(mask, labels, said):
    with pytest.raises(InputError, match=said):
        structures(ramp(), mask, labels=labels)


@pytest.mark.parametrize(
    ("where", "dimensions", "size", "said"),
    [
        (np.s_[2, 3, 4], 1, None, "single voxel"),
        (np.s_[2, 3, 2:6], 2, None, r"1 dimension\(s\) instead of 2"),
        (np.s_[2, 3:5, 2:6], 3, None, r"2 dimension\(s\) instead of 3"),
        (np.s_[2, 3:5, 2:6], 2, 8, "has 8 voxels, more than 8"),
    ],
)
def test_structures_too_small(where, dimensions, size, said):
    settings = Settings(minimum_roi_dimensions=dimensions, minimum_roi_size=size)
    with pytest.raises(InputError, match=said):
        structures(ramp(), box(where=where), settings)


def test_the_least_size_itself_is_too_small_and_one_more_is_not():
    settings = Settings(minimum_roi_size=7)
    assert len(structures(ramp(), box(where=np.s_[2, 3:5, 2:6]), settings)) == 1


def test_among_several_structures_a_broken_one_is_left_out():
    mask = sitk.GetArrayFromImage(box())
    mask[0, 0, 0] = 2
    with pytest.warns(ImagingWarning, match="Left out: Label 2 is a single voxel"):
        found = structures(ramp(), volume(mask), labels=(1, 2))
    assert [structure.label for structure in found] == [1]


@pytest.mark.filterwarnings("ignore::spinemr.imaging.errors.ImagingWarning")
def test_if_all_are_broken_that_is_an_error():
    mask = np.zeros((5, 8, 9), np.uint8)
    mask[0, 0, 0], mask[4, 4, 4] = 1, 2
    with pytest.raises(InputError, match="None of the structures"):
        structures(ramp(), volume(mask), labels=(1, 2))


def test_a_mask_on_another_grid_is_refused_unless_it_is_to_be_corrected():
    shifted = volume(sitk.GetArrayFromImage(box()), origin=(0.0, 1.0, 0.0))
    with pytest.raises(GeometryError, match=r"another grid.*correctMask"):
        structures(ramp(), shifted)
    corrected = on_image_grid(ramp(), sitk.Cast(shifted, sitk.sitkUInt32), Settings(correct_mask=True), (1,))
    assert np.array_equal(sitk.GetArrayFromImage(corrected), np.roll(sitk.GetArrayFromImage(box()), 1, axis=1))


def test_a_mask_that_sticks_out_of_the_image_cannot_be_corrected():
    shifted = volume(sitk.GetArrayFromImage(box()), origin=(4.0, 0.0, 0.0))
    for settings in (Settings(correct_mask=True), Settings(resampled_pixel_spacing_mm=(2, 2, 2))):
        with pytest.raises(GeometryError, match="outside of the image"):
            structures(ramp(), shifted, settings)


def test_the_tolerance_is_itks():
    shifted = volume(sitk.GetArrayFromImage(box()), origin=(0.0, 0.3, 0.0))
    with pytest.raises(GeometryError):
        structures(ramp(), shifted, Settings(geometry_tolerance=0.2))
    assert len(structures(ramp(), shifted, Settings(geometry_tolerance=0.4))) == 1


def test_a_mask_stored_in_another_order_fits():
    image = ramp()
    flipped = sitk.Flip(sitk.PermuteAxes(box(), [2, 0, 1]), [True, False, True])
    (found,) = structures(image, flipped)
    assert found.box == np.s_[1:4, 2:6, 3:8]


def test_normalization_by_hand():
    image = volume(np.array([[[1.0, 2.0, 3.0, 10.0]]]))
    values = np.array([1.0, 2.0, 3.0, 10.0])
    standard = (values - 4) / values.std(ddof=1)  # ITK divides by N - 1
    plain = sitk.GetArrayFromImage(normalized(image, Settings(normalize=True, normalize_scale=100))).ravel()
    assert plain == pytest.approx(100 * standard)
    held = normalized(image, Settings(normalize=True, normalize_scale=100, remove_outliers=1.0))
    assert sitk.GetArrayFromImage(held).ravel() == pytest.approx(100 * np.clip(standard, -1, 1))
    assert normalized(image, Settings()) is image


@pytest.mark.parametrize("values", [[5.0, 5.0], [1.0, np.nan]])
def test_what_cannot_be_normalized(values):
    with pytest.raises(InputError, match="cannot be normalized"):
        normalized(volume(np.array([[values]])), Settings(normalize=True))


@pytest.mark.parametrize(
    ("mode", "limits", "kept"),
    [
        ("absolute", (3.0,), [3, 4, 5, 10]),
        ("absolute", (5.0, 2.0), [2, 3, 4, 5]),
        ("relative", (0.4,), [4, 5, 10]),
        ("relative", (0.2, 0.5), [2, 3, 4, 5]),
        ("sigma", (-0.2, 0.5), [4, 5]),
    ],
)
def test_resegmentation_by_hand(mode, limits, kept):
    # Mean 25 / 6 = 4.17, deviation 2.91: from 3.58 to 5.62. What lies outside of the mask does not count.
    values = np.array([[[1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 4.5]]])
    mask = np.array([[[True] * 6 + [False]]])
    found = resegmented(values, mask, 1, Settings(resegment_range=limits, resegment_mode=mode))
    assert values[found].tolist() == kept
    assert mask.sum() == 6


def test_resegmentation_that_leaves_nothing():
    with pytest.raises(InputError, match="leaves 0 voxels of label 1"):
        structures(ramp(), box(), Settings(resegment_range=(5000.0,)))
    with pytest.raises(InputError, match="one or two numbers"):
        structures(ramp(), box(), Settings(resegment_range=(1.0, 2.0, 3.0)))


def test_shape_is_measured_before_resegmentation_within_its_box():
    mask, limits = box(), (1 * 72 + 3 * 9 + 4.0,)
    (found,) = structures(ramp(), mask, Settings(resegment_range=limits))
    assert found.mask.shape == found.outline.shape
    assert found.outline.sum() > found.mask.sum()
    (both,) = structures(ramp(), mask, Settings(resegment_range=limits, resegment_shape=True))
    assert np.array_equal(both.mask, both.outline)


def test_a_resampled_grid_covers_the_same_space():
    image, mask = ramp((6, 10, 12), np.float64), box((6, 10, 12), np.s_[2:4, 3:7, 4:8])
    settings = Settings(resampled_pixel_spacing_mm=(2.0, 2.0, 0.0), pad_distance=1, interpolator="sitkLinear")
    moved, labels = resampled(Source.of(image, "sitkLinear"), mask, 1, settings)
    assert moved.GetSpacing() == (2.0, 2.0, 1.0)
    # The outer corner stays at -0.5 mm: new centres lie at 0.5, 2.5, ... mm. The box begins at 3.5 and 2.5 mm, in the second new
    # voxel of each axis; with one voxel of padding the first ones come in. Across, no padding is needed beyond one slice.
    assert moved.GetOrigin() == (0.5, 0.5, 0.0)
    assert labels.GetSize() == moved.GetSize()
    values = sitk.GetArrayFromImage(moved)
    assert values[0, 0, 0] == pytest.approx(0.5 * 12 + 0.5)


def test_one_voxel_thick_structures_keep_their_spacing_across():
    image, mask = ramp((6, 10, 12)), box((6, 10, 12), np.s_[2:3, 3:7, 4:8])
    moved, _ = resampled(Source.of(image, "sitkBSpline"), mask, 1, Settings(resampled_pixel_spacing_mm=(0.5, 0.5, 0.5)))
    assert moved.GetSpacing() == (0.5, 0.5, 1.0)


def test_splines_computed_once_are_those_of_simpleitk():
    image, mask = ramp((6, 10, 12)), box((6, 10, 12))
    settings = Settings(resampled_pixel_spacing_mm=(0.7, 0.7, 0.7))
    moved, _ = resampled(Source.of(image, "sitkBSpline"), mask, 1, settings)
    direct = sitk.Resample(image, moved, sitk.Transform(), sitk.sitkBSpline, 0.0, image.GetPixelID())
    assert np.array_equal(sitk.GetArrayFromImage(moved), sitk.GetArrayFromImage(direct))


def test_a_spacing_the_image_has_already_crops_only():
    image, mask = ramp(), box()
    moved, labels = resampled(
        Source.of(image, "sitkBSpline"), mask, 1, Settings(resampled_pixel_spacing_mm=(1, 1, 1), pad_distance=1)
    )
    assert moved.GetSize() == labels.GetSize() == (7, 6, 5)
    assert np.array_equal(sitk.GetArrayFromImage(moved), sitk.GetArrayFromImage(ramp())[0:5, 1:7, 2:9])


@pytest.mark.parametrize("spacing", [(1.0, -1.0, 1.0), (1.0, 1.0), (np.nan, 1.0, 1.0)])
def test_impossible_spacings(spacing):
    with pytest.raises(InputError, match="three numbers in mm"):
        structures(ramp(), box(), Settings(resampled_pixel_spacing_mm=spacing))


def test_unknown_interpolators():
    with pytest.raises(InputError, match="no interpolator sitkMagic"):
        structures(ramp(), box(), Settings(resampled_pixel_spacing_mm=(2, 2, 2), interpolator="sitkMagic"))


def test_extents():
    extent = Extent.of(box(), 1)
    assert extent == Extent((3, 2, 1), (5, 4, 3))
    assert extent.padded(2, (9, 8, 5)) == Extent((1, 0, 0), (8, 8, 5))
    with pytest.raises(InputError):
        Extent.of(box(), 7)
