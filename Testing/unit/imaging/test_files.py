"""Images and label maps through files of every kind, and one clear sentence for files that are not right."""

from __future__ import annotations

import gzip
import os
import stat
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nifti_edits import AUX_FILE, CODES, DESCRIP, DIM, INTENT_NAME, PIXDIM, SROWS, edit
from scipy.spatial.transform import Rotation

from spinemr.imaging import read_image, read_labels, write_image, write_labels
from spinemr.imaging.atomic import atomic_path
from spinemr.imaging.errors import GeometryError, ImagingWarning, InputError, OutputError, SpineMRError
from spinemr.imaging.itk_files import write_pixels
from spinemr.imaging.progress import CancelToken

FORMATS = [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"]
AWKWARD = "Lékař Dvořák – série 1"


def assert_same_grid(a: sitk.Image, b: sitk.Image, tolerance: float = 1e-6) -> None:
    assert a.GetSize() == b.GetSize()
    assert np.allclose(a.GetSpacing(), b.GetSpacing(), rtol=tolerance, atol=0)
    assert np.allclose(a.GetOrigin(), b.GetOrigin(), atol=1e-4)
    assert np.allclose(a.GetDirection(), b.GetDirection(), atol=tolerance)


@pytest.mark.parametrize("ending", FORMATS)
def test_an_image_comes_back_with_its_values_and_grid(tmp_path, oblique_image, ending):
    path = tmp_path / AWKWARD / f"T2 ‹sag›{ending}"
    write_image(oblique_image, path)
    back = read_image(path)
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(oblique_image))
    assert_same_grid(back, oblique_image)
    assert back.GetPixelID() == oblique_image.GetPixelID()


@pytest.mark.parametrize("ending", FORMATS)
def test_labels_come_back_as_bytes_on_the_same_grid(tmp_path, anatomy_labels, ending):
    path = tmp_path / f"labels{ending}"
    write_labels(sitk.Cast(anatomy_labels, sitk.sitkInt32), path)
    back = read_labels(path)
    assert back.GetPixelID() == sitk.sitkUInt8
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(anatomy_labels))
    assert_same_grid(back, anatomy_labels)


def test_a_nifti_that_was_read_is_written_with_the_very_same_grid(tmp_path, oblique_image):
    write_image(oblique_image, tmp_path / "a.nii.gz")
    first = read_image(tmp_path / "a.nii.gz")
    write_image(first, tmp_path / "b.nii.gz")
    second = read_image(tmp_path / "b.nii.gz")
    assert_same_grid(second, first, tolerance=1e-7)
    assert first.GetSpacing() == second.GetSpacing()
    assert first.GetOrigin() == second.GetOrigin()


def test_sform_and_qform_of_a_written_nifti_say_the_same(tmp_path, oblique_image):
    write_image(oblique_image, tmp_path / "a.nii")
    raw = (tmp_path / "a.nii").read_bytes()
    qform, sform = struct.unpack_from("<2h", raw, CODES)
    assert qform > 0
    assert sform > 0
    b, c, d = struct.unpack_from("<3f", raw, 256)
    turn = Rotation.from_quat([b, c, d, np.sqrt(max(0.0, 1 - b * b - c * c - d * d))]).as_matrix()
    steps = struct.unpack_from("<4f", raw, PIXDIM)
    by_qform = turn @ np.diag([steps[1], steps[2], steps[3] * steps[0]])
    by_sform = np.reshape(struct.unpack_from("<12f", raw, SROWS), (3, 4))[:, :3]
    assert np.allclose(by_qform, by_sform, atol=1e-5)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    quaternion=st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1),
    spacing=st.tuples(*[st.floats(0.2, 9.0)] * 3),
    origin=st.tuples(*[st.floats(-500, 500)] * 3),
    mirrored=st.booleans(),
    ending=st.sampled_from([".nii.gz", ".nrrd", ".mha"]),
)
def test_any_grid_survives_any_format(tmp_path, quaternion, spacing, origin, mirrored, ending):
    direction = Rotation.from_quat(quaternion).as_matrix() @ np.diag([1, 1, -1 if mirrored else 1])
    image = sitk.GetImageFromArray(np.arange(1000, dtype=np.int16).reshape(10, 10, 10))
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(direction.ravel().tolist())
    write_image(image, tmp_path / f"a{ending}")
    back = read_image(tmp_path / f"a{ending}")
    for corner in ((0, 0, 0), (9, 9, 9), (9, 0, 0)):
        expected = image.TransformIndexToPhysicalPoint(corner)
        assert np.allclose(back.TransformIndexToPhysicalPoint(corner), expected, atol=2e-3)
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))


def test_large_label_numbers_take_two_bytes(tmp_path, oblique_image):
    values = np.zeros((5, 24, 20), dtype=np.uint16)
    values[0, 0, 0] = 300
    labels = sitk.GetImageFromArray(values)
    labels.CopyInformation(oblique_image)
    write_image(labels, tmp_path / "a.nii.gz")
    assert read_labels(tmp_path / "a.nii.gz").GetPixelID() == sitk.sitkUInt16


def test_float_labels_must_be_whole_and_not_negative(tmp_path, anatomy_labels):
    whole = sitk.Cast(anatomy_labels, sitk.sitkFloat32)
    write_image(whole, tmp_path / "whole.nii.gz")
    assert read_labels(tmp_path / "whole.nii.gz").GetPixelID() == sitk.sitkUInt8
    write_image(whole + 0.5, tmp_path / "half.nii.gz")
    with pytest.raises(InputError, match="fractions"):
        read_labels(tmp_path / "half.nii.gz")
    write_image(whole - 1, tmp_path / "negative.nii.gz")
    with pytest.raises(InputError, match="outside of 0 to 65535"):
        read_labels(tmp_path / "negative.nii.gz")
    with pytest.raises(InputError, match="fractions"):
        write_labels(whole + 0.5, tmp_path / "never.nii.gz")
    assert not (tmp_path / "never.nii.gz").exists()


def test_labels_can_be_written_in_the_numbers_of_others(tmp_path, anatomy_labels):
    with pytest.warns(ImagingWarning, match="sacrum"):
        write_labels(anatomy_labels, tmp_path / "a.nii.gz", scheme="spider")
    found = set(np.unique(sitk.GetArrayFromImage(read_labels(tmp_path / "a.nii.gz"))).tolist())
    assert found == {0, 2, 202, 100}
    with pytest.raises(InputError, match="no label scheme"):
        write_labels(anatomy_labels, tmp_path / "b.nii.gz", scheme="other")


def test_given_spacing_overrides_the_file_s(tmp_path, oblique_image):
    write_image(oblique_image, tmp_path / "a.nii.gz")
    assert read_image(tmp_path / "a.nii.gz", spacing_mm=(0.5, 0.5)).GetSpacing() == (0.5, 0.5, 4.5)
    assert read_image(tmp_path / "a.nii.gz", spacing_mm=(0.5, 0.5, 3.0)).GetSpacing() == (0.5, 0.5, 3.0)
    with pytest.raises(GeometryError, match="given spacing"):
        read_image(tmp_path / "a.nii.gz", spacing_mm=(0.5, 0.0, 3.0))


def test_a_2d_volume_file_becomes_one_sagittal_slice(tmp_path, oblique_image):
    flat = sitk.GetImageFromArray(sitk.GetArrayFromImage(oblique_image)[0])
    flat.SetSpacing((0.5, 0.7))
    sitk.WriteImage(flat, str(tmp_path / "a.nrrd"))
    with pytest.warns(ImagingWarning):
        image = read_image(tmp_path / "a.nrrd")
    assert image.GetSize() == (20, 24, 1)
    assert image.GetSpacing()[:2] == (0.5, 0.7)
    assert image.TransformIndexToPhysicalPoint((1, 0, 0)) == pytest.approx((0, 0.5, 0))
    assert image.TransformIndexToPhysicalPoint((0, 1, 0)) == pytest.approx((0, 0, -0.7))


def broken(folder: Path, oblique_image: sitk.Image) -> dict[str, Path]:
    """Files that cannot be read, by what is wrong with them."""
    files = {}
    for ending in (".nii", ".nii.gz", ".nrrd", ".mha"):
        path = folder / f"cut{ending}"
        write_image(oblique_image, path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        files[f"truncated {ending}"] = path
    for ending in (".nii", ".nii.gz", ".nrrd", ".mha", ".png", ".jpg", ".tif", ".dcm"):
        files[f"empty {ending}"] = folder / f"empty{ending}"
        files[f"empty {ending}"].write_bytes(b"")
        files[f"junk {ending}"] = folder / f"junk{ending}"
        files[f"junk {ending}"].write_bytes(b"This is a letter, not an image.\n" * 40)
    write_image(oblique_image, folder / "right.nii.gz")
    (folder / "wrong.nrrd").write_bytes((folder / "right.nii.gz").read_bytes())
    files["wrong ending"] = folder / "wrong.nrrd"
    content = bytearray((folder / "right.nii.gz").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (folder / "flipped.nii.gz").write_bytes(content)
    files["one byte changed"] = folder / "flipped.nii.gz"
    (folder / "alone.mhd").write_text((folder / "cut.mha").read_bytes()[:200].decode("latin-1"))
    files["header without pixels"] = folder / "alone.mhd"
    return files


def test_every_broken_file_is_refused_with_one_line_and_no_noise(tmp_path, oblique_image, capfd):
    files = broken(tmp_path, oblique_image)
    assert len(files) == 23
    capfd.readouterr()
    for what, path in files.items():
        with pytest.raises(InputError) as refusal:
            read_image(path)
        said = str(refusal.value)
        assert str(path) in said, what
        assert "\n" not in said, what
        assert not any(word in said for word in ("ITK", "itk", "Exception", "0x", ".cxx")), what
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "said"),
    [("missing.nii.gz", "no file or folder"), ("notes.docx", r"ending \.docx is not known"), ("bare", "no ending")],
)
def test_what_is_not_there_or_not_known_is_named(tmp_path, name, said):
    if name != "missing.nii.gz":
        (tmp_path / name).write_bytes(b"hello, this is text")
    with pytest.raises(InputError, match=said):
        read_image(tmp_path / name)


def test_supported_endings_are_listed(tmp_path):
    (tmp_path / "a.xyz").write_text("x")
    with pytest.raises(InputError, match=r"\.nii\.gz .*DICOM folder"):
        read_image(tmp_path / "a.xyz")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_refused_for_real(tmp_path, oblique_image):
    write_image(oblique_image, tmp_path / "a.nii.gz")
    (tmp_path / "a.nii.gz").chmod(stat.S_IWUSR)
    with pytest.raises(InputError, match="no permission"):
        read_image(tmp_path / "a.nii.gz")


def test_a_file_without_permission_is_refused(tmp_path, oblique_image, monkeypatch):
    write_image(oblique_image, tmp_path / "a.nii.gz")
    monkeypatch.setattr(Path, "open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(InputError, match="no permission to read"):
        read_image(tmp_path / "a.nii.gz")


@pytest.fixture
def plain_nifti(tmp_path, oblique_image) -> Path:
    write_image(oblique_image, tmp_path / "a.nii")
    return tmp_path / "a.nii"


@pytest.mark.parametrize("step", [0.0, float("nan")])
def test_a_missing_spacing_is_one_millimetre_with_a_warning(plain_nifti, step):
    edit(plain_nifti, (PIXDIM + 4, "3f", (step, 0.75, 4.5)), (CODES, "2h", (0, 0)))
    with pytest.warns(ImagingWarning) as caught:
        image = read_image(plain_nifti)
    assert image.GetSpacing() == (1.0, 0.75, 4.5)
    assert any("no valid voxel spacing" in str(warning.message) for warning in caught)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "a.nii has no valid")
        warnings.filterwarnings("ignore", ".*how it is oriented")
        assert read_image(plain_nifti, spacing_mm=(0.6, 0.75, 4.5)).GetSpacing() == (0.6, 0.75, 4.5)


def test_a_negative_spacing_is_refused_rather_than_mirrored(plain_nifti):
    edit(plain_nifti, (PIXDIM + 4, "3f", (-1.0, 0.75, 4.5)), (CODES, "2h", (0, 0)))
    with pytest.raises(GeometryError, match="negative spacing"):
        read_image(plain_nifti)


def test_an_unknown_orientation_is_said(plain_nifti, tmp_path):
    edit(plain_nifti, (CODES, "2h", (0, 0)))
    with pytest.warns(ImagingWarning, match="does not say how it is oriented"):
        read_image(plain_nifti)
    pixels = np.arange(3000, dtype=np.uint16).tobytes()
    header = b"NRRD0004\ntype: uint16\ndimension: 3\nsizes: 10 20 15\nspacings: 1 1 4\nendian: little\nencoding: raw\n\n"
    (tmp_path / "a.nrrd").write_bytes(header + pixels)
    with pytest.warns(ImagingWarning, match="does not say how it is oriented"):
        assert read_image(tmp_path / "a.nrrd").GetSpacing() == (1, 1, 4)


def skewed_rows(degrees: float) -> tuple[float, ...]:
    shear = np.tan(np.radians(degrees))
    return (0.5, 0.5 * shear, 0, 10, 0, 0.5, 0, 20, 0, 0, 4, 30)


def test_a_slightly_skewed_sform_is_straightened_with_its_own_spacing(plain_nifti, capfd):
    edit(plain_nifti, (PIXDIM + 4, "3f", (1, 1, 1)), (CODES, "2h", (0, 1)), (SROWS, "12f", skewed_rows(1.0)))
    with pytest.warns(ImagingWarning, match="slightly skewed"):
        image = read_image(plain_nifti)
    assert image.GetSpacing() == pytest.approx((0.5, 0.5 / np.cos(np.radians(1)), 4), rel=1e-6)
    assert image.GetOrigin() == pytest.approx((-10, -20, 30))
    axes = np.reshape(image.GetDirection(), (3, 3))
    assert np.allclose(axes.T @ axes, np.eye(3), atol=1e-9)
    assert np.allclose(axes, np.diag([-1, -1, 1]), atol=0.01)
    assert capfd.readouterr() == ("", "")
    assert "ITK_NIFTI_SFORM_PERMISSIVE" not in os.environ


@pytest.mark.parametrize("rows", [skewed_rows(10.0), (0,) * 12, (float("nan"),) * 12])
def test_a_hopeless_sform_is_refused(plain_nifti, rows):
    edit(plain_nifti, (CODES, "2h", (0, 1)), (SROWS, "12f", rows))
    with pytest.raises(GeometryError, match="skewed axes"):
        read_image(plain_nifti)


def test_a_huge_image_is_refused_before_its_pixels_are_read(plain_nifti):
    edit(plain_nifti, (DIM, "4h", (3, 32000, 32000, 32000)))
    with pytest.raises(InputError, match="too large: 32000 x 32000 x 32000"):
        read_image(plain_nifti)


def test_a_header_of_the_other_byte_order_is_understood(tmp_path):
    big = bytearray(352)
    struct.pack_into(">i", big, 0, 348)
    struct.pack_into(">8h", big, DIM, 3, 20, 24, 5, 1, 1, 1, 1)
    struct.pack_into(">2h", big, 70, 4, 16)
    struct.pack_into(">8f", big, PIXDIM, 1, 0.5, 0.75, 4, 0, 0, 0, 0)
    struct.pack_into(">f", big, 108, 352)
    struct.pack_into(">h", big, CODES, 1)
    big[344:348] = b"n+1\0"
    values = np.arange(2400, dtype=">i2").tobytes()
    (tmp_path / "a.nii").write_bytes(bytes(big) + values)
    image = read_image(tmp_path / "a.nii")
    assert image.GetSpacing() == (0.5, 0.75, 4)
    assert sitk.GetArrayFromImage(image)[-1, -1, -1] == 2399
    (tmp_path / "a.nii").write_bytes(bytes(big) + values[:-1])
    with pytest.raises(InputError, match="truncated"):
        read_image(tmp_path / "a.nii")


def test_nifti_2_is_refused_by_name(tmp_path):
    (tmp_path / "a.nii").write_bytes(struct.pack("<i", 540) + bytes(600))
    with pytest.raises(InputError, match="NIfTI-2"):
        read_image(tmp_path / "a.nii")


@pytest.mark.parametrize("ending", [*FORMATS, ".png", ".seg.nrrd"])
def test_names_planted_in_metadata_do_not_come_out(tmp_path, oblique_image, anatomy_labels, ending):
    source = tmp_path / "source"
    source.mkdir()
    write_image(oblique_image, source / "a.nii")
    edit(source / "a.nii", *((at, "15s", (b"PLANTEDNAME^ANN",)) for at in (DESCRIP, INTENT_NAME, AUX_FILE)))
    named = sitk.Image(oblique_image)
    for key in ("PatientName", "Comment", "descrip", "0010|0010"):
        named.SetMetaData(key, "PLANTEDNAME^ANNA")
    for path in ("a.nrrd", "a.mha"):
        sitk.WriteImage(named, str(source / path))
    for path in sorted(source.iterdir()):
        assert b"PLANTEDNAME" in path.read_bytes()
        image = read_image(path)
        assert image.GetMetaDataKeys() == ()
    for key in named.GetMetaDataKeys():
        anatomy_labels.SetMetaData(key, named.GetMetaData(key))
    target = tmp_path / f"out{ending}"
    if ending == ".seg.nrrd":
        write_labels(anatomy_labels, target)
    else:
        write_image(sitk.Cast(anatomy_labels, sitk.sitkUInt8)[:, :, :1] if ending == ".png" else named, target)
    content = target.read_bytes()
    assert b"PLANTED" not in (gzip.decompress(content) if ending == ".nii.gz" else content)
    assert b"PLANTED" not in b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert named.HasMetaDataKey("PatientName"), "the caller's own image stays as it is"


@pytest.mark.parametrize("ending", [".docx", ".dcm", ".xyz", ""])
def test_unknown_targets_are_refused(tmp_path, oblique_image, ending):
    with pytest.raises(OutputError, match=r"Use one of \.nii"):
        write_image(oblique_image, tmp_path / f"a{ending}")
    assert list(tmp_path.iterdir()) == []


def test_an_image_is_not_written_as_segments(tmp_path, oblique_image):
    with pytest.raises(OutputError):
        write_image(oblique_image, tmp_path / "a.seg.nrrd")


@pytest.mark.parametrize("ending", FORMATS)
def test_a_full_disk_leaves_no_trace_and_one_sentence(tmp_path, oblique_image, ending, monkeypatch):
    def full(image: sitk.Image, path: Path) -> None:
        write_pixels(image, path)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("spinemr.imaging.files.write_pixels", full)
    with pytest.raises(OutputError, match="the disk is full"):
        write_image(oblique_image, tmp_path / "new" / f"a{ending}")
    assert list(tmp_path.iterdir()) == []


def test_a_nifti_the_disk_did_not_take_whole_is_noticed(tmp_path, oblique_image, monkeypatch):
    def short(image: sitk.Image, path: Path) -> None:
        write_pixels(image, path)
        path.write_bytes(path.read_bytes()[:-100])

    monkeypatch.setattr("spinemr.imaging.files.write_pixels", short)
    with pytest.raises(OutputError, match="did not take all of it"):
        write_image(oblique_image, tmp_path / "a.nii.gz")
    assert list(tmp_path.iterdir()) == []


def test_itk_s_own_failure_becomes_an_output_error(tmp_path, oblique_image, capfd):
    with pytest.raises(OutputError, match="does not hold values of its type") as failure, atomic_path(tmp_path / "a.png") as path:
        write_pixels(oblique_image[:, :, 0], path)
    assert "\n" not in str(failure.value)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_reading_reports_and_can_be_cancelled(tmp_path, oblique_image):
    write_image(oblique_image, tmp_path / "a.nii.gz")
    seen = []
    read_image(tmp_path / "a.nii.gz", progress=seen.append)
    assert [report.fraction for report in seen] == [0.0, 1.0]
    token = CancelToken()
    token.cancel()
    with pytest.raises(SpineMRError, match="Cancelled"):
        read_image(tmp_path / "a.nii.gz", progress=token.wrap())


@pytest.mark.realdata
def test_a_real_study_is_read_and_its_labels_lie_on_it(data_dir, tmp_path):
    image = read_image(data_dir / "spider_t2space" / "005_image.nii.gz")
    labels = read_labels(data_dir / "spider_t2space" / "005_label.nii.gz")
    assert_same_grid(image, labels)
    assert set(np.unique(sitk.GetArrayFromImage(labels)).tolist()) == {0, 1, 2, 3}
    write_image(image, tmp_path / "a.nii.gz")
    assert_same_grid(read_image(tmp_path / "a.nii.gz"), image, tolerance=1e-7)


@pytest.mark.parametrize("name", ["volume.nii", "volume.nii.gz", "volume.nrrd", "volume.mha"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_nan_and_infinity_in_a_file_are_told_and_replaced(tmp_path, name, kind):
    array = np.linspace(5.0, 9.0, 4 * 12 * 12).reshape(4, 12, 12).astype(kind)
    array[1, 2, 3], array[2, 3, 4], array[3, 4, 5] = np.nan, np.inf, -np.inf
    sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / name))
    with pytest.warns(ImagingWarning, match="1 NaN and 2 infinite"):
        read = sitk.GetArrayFromImage(read_image(tmp_path / name))
    assert [read[1, 2, 3], read[2, 3, 4], read[3, 4, 5]] == pytest.approx([5.0, 9.0, 5.0])
    finite = np.isfinite(array)
    np.testing.assert_array_equal(read[finite], array[finite])


def test_a_nifti_of_nothing_but_nan_is_refused(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(np.full((3, 12, 12), np.nan, dtype=np.float32)), str(tmp_path / "nan.nii.gz"))
    with pytest.raises(InputError, match="every voxel is NaN"):
        read_image(tmp_path / "nan.nii.gz")
