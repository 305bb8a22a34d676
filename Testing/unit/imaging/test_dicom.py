"""DICOM folders and files: which series, in which order, on which grid, and without whom."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_writer import AXIAL, CORONAL, CT_STORAGE, PLANTED, Series, enhanced_dataset, slice_dataset, write_series
from pydicom.uid import ImplicitVRLittleEndian, RLELossless

from spinemr.imaging import list_series, read_image, series_table, write_image
from spinemr.imaging.dicom_headers import contrast_of, plane_of
from spinemr.imaging.errors import GeometryError, ImagingWarning, InputError
from spinemr.imaging.progress import CancelToken, Progress

OBLIQUE = (0.10, 0.97, -0.22157, 0.0, -0.222682, -0.974891)
"""A sagittal stack turned about two axes."""


def values_of(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


def assert_is(image: sitk.Image, series: Series, first: int = 0) -> None:
    """Every voxel has the value of its slice, and every slice lies where it was written."""
    expected = np.stack([series.pixels(index) for index in range(first, series.slices)])
    assert np.array_equal(values_of(image), expected)
    for index in range(first, series.slices):
        assert image.TransformIndexToPhysicalPoint((0, 0, index - first)) == pytest.approx(series.position(index), abs=2e-3)
    assert image.GetSpacing() == pytest.approx((series.pixel_mm[1], series.pixel_mm[0], series.distance_mm), rel=1e-4)


@pytest.mark.parametrize("suffix", [".dcm", "", ".IMA"])
def test_a_folder_is_read_in_the_order_of_positions(tmp_path, suffix):
    series = Series(slices=7)
    write_series(tmp_path / "Müller, Jan", series, suffix=suffix)
    (tmp_path / "Müller, Jan" / "README.txt").write_text("not an image")
    (tmp_path / "Müller, Jan" / ".hidden").write_bytes(b"\0" * 200)
    (tmp_path / "Müller, Jan" / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM" + b"\0" * 50)
    assert_is(read_image(tmp_path / "Müller, Jan"), series)


def test_an_oblique_stack_keeps_its_grid(tmp_path, told_user):
    series = Series(slices=4, orientation=OBLIQUE, distance_mm=3.3)
    write_series(tmp_path, series)
    image = read_image(tmp_path)
    axes = np.reshape(image.GetDirection(), (3, 3))
    assert np.allclose(axes[:, 0], OBLIQUE[:3], atol=1e-3)
    assert np.allclose(axes.T @ axes, np.eye(3), atol=1e-9)
    assert_is(image, series)
    assert not told_user()


def test_the_only_sagittal_series_is_taken_among_several(tmp_path):
    wanted = Series(number=3, slices=5)
    write_series(tmp_path / "a", Series(number=1, slices=3, orientation=CORONAL))
    write_series(tmp_path / "b", Series(number=2, slices=6, orientation=AXIAL))
    write_series(tmp_path / "c", wanted)
    write_series(tmp_path / "d", Series(number=4, slices=2), shuffle=False)
    write_series(tmp_path / "e", Series(number=5, slices=5, pixel_mm=(2.0, 2.0)))
    assert_is(read_image(tmp_path), wanted)


def test_several_candidates_stop_with_a_table_that_can_be_followed(tmp_path):
    second = Series(number=7, slices=6, echo_ms=10, repetition_ms=500)
    write_series(tmp_path, Series(number=2, slices=5))
    write_series(tmp_path, second)
    write_series(tmp_path, Series(number=9, slices=4, orientation=AXIAL))
    with pytest.raises(InputError, match="2 of them could be the lumbar spine") as stop:
        read_image(tmp_path)
    assert "\n" not in stop.value.message
    lines = stop.value.hint.splitlines()
    assert lines[0] == "Choose one with --series N."
    assert [line.split()[0] for line in lines[2:]] == ["2", "7", "9"]
    assert "sagittal  T2" in lines[2]
    assert "sagittal  T1" in lines[3]
    assert "axial" in lines[4]
    for wish in (7, "7", lines[3].split()[1]):
        assert_is(read_image(tmp_path, series=wish), second)
    with pytest.raises(InputError, match="no single series 8"):
        read_image(tmp_path, series=8)


def test_table_errors_and_outputs_name_no_patient(tmp_path):
    folder = tmp_path / "in"
    write_series(folder, Series(number=1))
    write_series(folder, Series(number=2))
    with pytest.raises(InputError) as stop:
        read_image(folder)
    said = str(stop.value) + series_table(list_series(folder)) + repr(list_series(folder))
    image = read_image(folder, series=1)
    assert image.GetMetaDataKeys() == ()
    for ending in (".nii", ".nrrd", ".mha"):
        write_image(image, tmp_path / f"out{ending}")
        said += (tmp_path / f"out{ending}").read_bytes().decode("latin-1")
    assert not any(word in said for word in PLANTED)


def test_no_series_that_shows_a_spine_is_said(tmp_path):
    write_series(tmp_path, Series(number=1, orientation=AXIAL))
    write_series(tmp_path, Series(number=2, orientation=CORONAL))
    with pytest.raises(InputError, match="none is clearly a sagittal lumbar spine"):
        read_image(tmp_path)


def test_a_lone_axial_series_is_read_with_a_warning(tmp_path):
    series = Series(orientation=AXIAL)
    write_series(tmp_path, series)
    with pytest.warns(ImagingWarning, match="is axial, 5 slices"):
        assert_is(read_image(tmp_path), series)


def test_ct_is_refused_unless_it_is_asked_for(tmp_path):
    series = Series(modality="CT", sop_class=CT_STORAGE)
    write_series(tmp_path, series)
    with pytest.raises(InputError, match="holds CT images; this software is made for MR"):
        read_image(tmp_path)
    with pytest.warns(ImagingWarning, match="CT, not MR"):
        assert_is(read_image(tmp_path, series="1"), series)


@pytest.mark.parametrize("missing", [2, 3])
def test_a_missing_slice_is_refused_by_its_place(tmp_path, missing):
    write_series(tmp_path, Series(slices=8, missing=(missing,)))
    with pytest.raises(GeometryError, match=f"8.80 mm between slices {missing} and {missing + 1}, 4.40 mm elsewhere"):
        read_image(tmp_path)


def test_a_slightly_uneven_series_is_read_with_a_warning(tmp_path):
    series = Series(slices=6)
    for index in range(6):
        dataset = slice_dataset(series, index)
        if index == 3:
            dataset.ImagePositionPatient = [series.position(3)[0] - 0.4, *series.position(3)[1:]]
        dataset.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    with pytest.warns(ImagingWarning, match="4.00 to 4.80 mm apart"):
        assert read_image(tmp_path).GetSpacing()[2] == pytest.approx(4.4)


def test_the_same_image_exported_twice_counts_once(tmp_path):
    series = Series(slices=5)
    for path in write_series(tmp_path, series):
        shutil.copy(path, path.with_name("copy-" + path.name))
    assert_is(read_image(tmp_path), series)


@pytest.mark.parametrize("told_by", ["echo", "kind of image", "nothing but its number"])
def test_two_images_at_each_place_become_two_stacks(tmp_path, told_by):
    first = Series(number=4, slices=5)
    second = Series(number=4, slices=5, uid=first.uid, echo_ms=20 if told_by == "echo" else 100)
    for index in range(5):
        slice_dataset(first, index).save_as(tmp_path / f"a{index}.dcm", enforce_file_format=True)
        other = slice_dataset(second, index)
        other.InstanceNumber = 100 + index
        other.PixelData = (second.pixels(index) + 7).tobytes()
        if told_by == "kind of image":
            other.ImageType = ["ORIGINAL", "PRIMARY", "FAT"]
        other.save_as(tmp_path / f"b{index}.dcm", enforce_file_format=True)
    assert [info.number for info in list_series(tmp_path)] == ["4.1", "4.2"]
    with pytest.raises(InputError, match="no single series 4"):
        read_image(tmp_path, series=4)
    assert_is(read_image(tmp_path, series="4.1"), first)
    assert np.array_equal(values_of(read_image(tmp_path, series="4.2")), values_of(read_image(tmp_path, series="4.1")) + 7)


def test_a_scout_of_mixed_orientations_is_taken_apart(tmp_path):
    scout = Series(number=1, slices=3)
    for place, orientation in enumerate((AXIAL, CORONAL, Series().orientation)):
        scout.orientation = orientation
        slice_dataset(scout, 1).save_as(tmp_path / f"scout{place}.dcm", enforce_file_format=True)
    spine = Series(number=2)
    write_series(tmp_path, spine)
    found = list_series(tmp_path)
    assert [(info.number, info.slices) for info in found] == [("1.1", 1), ("1.2", 1), ("1.3", 1), ("2", 5)]
    assert {info.plane for info in found[:3]} == {"axial", "coronal", "sagittal"}
    assert_is(read_image(tmp_path), spine)


def test_ids_stay_when_the_files_move(tmp_path):
    write_series(tmp_path / "a", Series(number=1))
    before = list_series(tmp_path / "a")[0].id
    shutil.copytree(tmp_path / "a", tmp_path / "b" / "c")
    assert [info.id for info in list_series(tmp_path / "b")] == [before]
    assert len(before) == 8


def test_a_single_file_is_one_slice_and_says_where_the_rest_is(tmp_path):
    series = Series(slices=5)
    paths = write_series(tmp_path, series, shuffle=False)
    with pytest.warns(ImagingWarning, match="4 more DICOM files there"):
        image = read_image(paths[2])
    assert np.array_equal(values_of(image)[0], series.pixels(2))
    assert image.TransformIndexToPhysicalPoint((0, 0, 0)) == pytest.approx(series.position(2))
    assert image.GetSize() == (32, 40, 1)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("as_folder", [False, True])
def test_an_enhanced_multi_frame_object_is_a_stack(tmp_path, reverse, as_folder):
    series = Series(slices=6, distance_mm=3.5)
    enhanced_dataset(series, reverse=reverse).save_as(tmp_path / "all.dcm", enforce_file_format=True)
    if as_folder:
        enhanced_dataset(Series(number=2, orientation=AXIAL)).save_as(tmp_path / "axial.dcm", enforce_file_format=True)
    image = read_image(tmp_path if as_folder else tmp_path / "all.dcm")
    for place in range(6):
        index = int(values_of(image)[place, 0, 0]) // 1000
        assert np.array_equal(values_of(image)[place], series.pixels(index))
        assert image.TransformIndexToPhysicalPoint((0, 0, place)) == pytest.approx(series.position(index))
    assert sorted(values_of(image)[:, 0, 0] // 1000) == list(range(6))


def test_compressed_pixels_and_rescaling_are_undone(tmp_path):
    series = Series(slices=3, slope=(0.5, -10.0))
    for index in range(3):
        dataset = slice_dataset(series, index)
        dataset.compress(RLELossless)
        dataset.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    expected = np.stack([series.pixels(index) for index in range(3)]) * 0.5 - 10
    assert np.array_equal(values_of(read_image(tmp_path)), expected)


def test_a_file_without_geometry_is_taken_as_the_usual_sagittal_view(tmp_path):
    dataset = slice_dataset(Series(), 0)
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SpacingBetweenSlices"):
        delattr(dataset, name)
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.warns(ImagingWarning) as caught:
        image = read_image(tmp_path / "a.dcm")
    said = " ".join(str(warning.message) for warning in caught)
    assert "no pixel size" in said
    assert "no orientation" in said
    assert image.TransformIndexToPhysicalPoint((0, 1, 0)) == pytest.approx((0, 0, -1))


def test_broken_and_empty_folders_say_so_in_one_line(tmp_path, capfd):
    (tmp_path / "empty").mkdir()
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("hello")
    for folder in ("empty", "letters"):
        with pytest.raises(InputError, match="no DICOM images"):
            read_image(tmp_path / folder)
    path = write_series(tmp_path / "cut", Series(slices=1))[0]
    content = path.read_bytes()
    for keep in (140, 400, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:keep])
        for what in (path, path.parent):
            with pytest.raises(InputError) as refusal:
                read_image(what)
            assert "\n" not in str(refusal.value)
    assert capfd.readouterr() == ("", "")


def test_one_truncated_slice_in_a_series_is_not_read_as_black(tmp_path):
    paths = write_series(tmp_path, Series(slices=5), shuffle=False)
    paths[2].write_bytes(paths[2].read_bytes()[:-500])
    with pytest.raises((InputError, GeometryError)):
        read_image(tmp_path)


def test_listing_a_folder_can_be_watched_and_cancelled(tmp_path):
    write_series(tmp_path, Series(slices=4))
    seen: list[Progress] = []
    list_series(tmp_path, seen.append)
    assert [report.fraction for report in seen] == [0.0, 0.25, 0.5, 0.75]
    token = CancelToken()
    token.cancel()
    with pytest.raises(Exception, match="Cancelled"):
        list_series(tmp_path, token.wrap())


@pytest.mark.parametrize(
    ("timing", "contrast"),
    [
        ((550, 10, 0, "SE"), "T1"),
        ((3000, 105, 0, "SE"), "T2"),
        ((2500, 15, 0, "SE"), "PD"),
        ((4000, 40, 160, "SE\\IR"), "STIR"),
        ((2000, 12, 800, "SE\\IR"), "T1"),
        ((9.6, 3.7, 0, "GR"), "GRE"),
        ((600, 80, 0, "SE"), "?"),
        ((0, 0, 0, ""), "?"),
    ],
)
def test_the_contrast_is_guessed_from_the_timing(timing, contrast):
    assert contrast_of(*timing) == contrast


@pytest.mark.parametrize(
    ("normal", "plane"),
    [
        ((1, 0, 0), "sagittal"),
        ((-0.95, 0.3, 0), "sagittal"),
        ((0, 1, 0), "coronal"),
        ((0, 0.3, 0.95), "axial"),
        ((0.7, 0, 0.7), "oblique"),
    ],
)
def test_planes_are_told_by_the_normal(normal, plane):
    assert plane_of(np.array(normal, dtype=float)) == plane
    assert plane_of(None) == "unknown"


def test_reading_a_good_folder_warns_of_nothing(tmp_path, told_user):
    write_series(tmp_path, Series())
    read_image(tmp_path)
    assert not told_user()


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "compressed"])
@pytest.mark.parametrize("lost", [1, 300])
def test_missing_pixels_are_noticed_in_every_transfer_syntax(tmp_path, syntax, lost):
    dataset = slice_dataset(Series(), 2)
    if syntax == "implicit":
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    if syntax == "compressed":
        dataset.compress(RLELossless)
    path = tmp_path / "a.dcm"
    dataset.save_as(path, enforce_file_format=True)
    assert np.array_equal(values_of(read_image(path))[0], Series().pixels(2))
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(InputError):
        read_image(path)
