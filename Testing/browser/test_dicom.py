"""DICOM studies as they leave a hospital: zipped, several series, a patient in them; harmonized to a reference, and saved."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.files import read_labels

pytestmark = pytest.mark.browser
pydicom = pytest.importorskip("pydicom")
highdicom = pytest.importorskip("highdicom")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit" / "imaging"))

from dicom_writer import AXIAL, CORONAL, PLANTED, Series, slice_dataset, write_series  # noqa: E402


def zipped(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*.dcm")):
            archive.write(path, f"{PLANTED[0]}/{path.relative_to(folder)}")
    return packed.getvalue()


def send(page: Any, button: Any, name: str, content: bytes) -> None:
    with page.expect_file_chooser() as chooser:
        button.click()
    chooser.value.set_files({"name": name, "mimeType": "application/octet-stream", "buffer": content})


def write_image(image: sitk.Image, folder: Path) -> None:
    """The slices of an image as DICOM."""
    folder.mkdir()
    values = sitk.GetArrayFromImage(sitk.Cast(image, sitk.sitkUInt16))
    turn = np.array(image.GetDirection()).reshape(3, 3)
    columns, rows, slices = image.GetSize()
    across, down, apart = image.GetSpacing()
    series = Series(
        slices=slices, rows=rows, columns=columns, orientation=(*turn[:, 0], *turn[:, 1]), pixel_mm=(down, across),
        distance_mm=apart, thickness_mm=apart,
    )  # fmt: skip
    for index in range(slices):
        dataset = slice_dataset(series, index)
        dataset.ImagePositionPatient = [f"{one:.8f}"[:16] for one in image.TransformIndexToPhysicalPoint((0, 0, index))]
        dataset.ImageOrientationPatient = [f"{one:.8f}" for one in series.orientation]
        dataset.PixelSpacing = [f"{down:.8f}", f"{across:.8f}"]
        dataset.PixelData = values[index].tobytes()
        dataset.save_as(folder / f"{index:03d}.dcm", enforce_file_format=True)


def saved(page: Any, name: str, folder: Path) -> Path:
    page.get_by_test_id("panel-save").click()
    with page.expect_download() as download:
        page.get_by_test_id(f"export-{name}").click()
    path = folder / name
    download.value.save_as(path)
    return path


def test_of_several_series_one_is_chosen_and_no_name_of_the_patient_is_seen(app, page, tmp_path):
    write_series(tmp_path / "a", Series(number=1, orientation=AXIAL, slices=6))
    write_series(tmp_path / "b", Series(number=2, orientation=CORONAL, slices=7))
    send(page, page.get_by_role("button", name="Open files"), f"{PLANTED[0]}.zip", zipped(tmp_path))
    page.get_by_test_id("series").get_by_text("7 slices of 32 × 40, 4.4 mm apart").wait_for()
    seen = page.content()
    page.get_by_test_id("series").get_by_text("2: Coronal").click()
    page.get_by_text("× 7 voxels of").wait_for()
    seen += page.content() + page.url + app.log.read_text(encoding="utf-8")
    seen += " ".join(path.name for folder in app.folders() for path in folder.rglob("*"))
    assert [name for name in PLANTED if name in seen] == []


def test_a_study_is_harmonized_to_a_reference_and_saved_as_dicom_seg(app, page, tmp_path, screenshot):
    from spinemr.synthesis.study import draw_study

    write_image(draw_study(7, contrast="t2").image, tmp_path / "study")
    sitk.WriteImage(draw_study(8, contrast="t1").image, str(tmp_path / f"{PLANTED[0]}.nii.gz"))
    send(page, page.get_by_role("button", name="Open files"), f"{PLANTED[0]}.zip", zipped(tmp_path / "study"))
    page.get_by_test_id("run").wait_for()

    page.get_by_test_id("method").click()
    page.get_by_role("option", name="Histogram of an image").click()
    page.get_by_test_id("method-problem").get_by_text("needs a reference").wait_for()
    assert page.get_by_test_id("run").is_disabled()
    send(page, page.get_by_test_id("reference"), "letter.nii.gz", b"Dear colleague")
    page.get_by_test_id("error").wait_for()
    assert page.get_by_test_id("run").is_disabled()
    send(page, page.get_by_test_id("reference"), f"{PLANTED[0]}.nii.gz", (tmp_path / f"{PLANTED[0]}.nii.gz").read_bytes())
    page.get_by_test_id("reference-said").wait_for()
    page.get_by_test_id("more-options").click()
    screenshot(page, "method_1366x768")
    page.get_by_test_id("run").click()
    page.get_by_test_id("verdict").wait_for()

    found = highdicom.seg.segread(saved(page, "segmentation.dcm", tmp_path))
    screenshot(page, "save_1366x768")
    labels = read_labels(saved(page, "segmentation.nii.gz", tmp_path))
    truth = sitk.GetArrayFromImage(labels)
    described = [found.get_segment_description(number + 1).segment_label for number in range(found.number_of_segments)]
    assert found.number_of_segments == np.unique(truth).size - 1 and "L4-L5 disc" in described
    files = sorted((tmp_path / "study").iterdir())
    uids = [pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in files]
    pixels = found.get_pixels_by_source_instance(uids, ignore_spatial_locations=True, assert_missing_frames_are_empty=True)
    disc = pixels[..., described.index("L4-L5 disc")] > 0
    assert np.array_equal(disc, truth == 123) or np.array_equal(disc, truth[::-1] == 123)

    with zipfile.ZipFile(saved(page, "spinemr.zip", tmp_path)) as archive:
        provenance = json.loads(archive.read("provenance.json"))
        assert not any(name.startswith("corrected/") for name in archive.namelist())
    assert '"histogram"' in json.dumps(provenance)
    seen = page.content() + page.url + app.log.read_text(encoding="utf-8") + json.dumps(provenance)
    seen += " ".join(path.name for folder in app.folders() for path in folder.rglob("*"))
    assert [name for name in PLANTED if name in seen] == []
