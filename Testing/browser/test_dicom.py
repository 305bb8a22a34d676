"""DICOM studies as they leave a hospital: zipped, several series, with a patient in them."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
pytest.importorskip("pydicom")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit" / "imaging"))

from dicom_writer import AXIAL, CORONAL, PLANTED, Series, write_series  # noqa: E402


def zipped(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.rglob("*.dcm")):
            archive.write(path, f"{PLANTED[0]}/{path.relative_to(folder)}")
    return packed.getvalue()


def test_of_several_series_one_is_chosen_and_no_name_of_the_patient_is_seen(app, page, tmp_path):
    write_series(tmp_path / "a", Series(number=1, orientation=AXIAL, slices=6))
    write_series(tmp_path / "b", Series(number=2, orientation=CORONAL, slices=7))
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open files").click()
    chooser.value.set_files({"name": f"{PLANTED[0]}.zip", "mimeType": "application/zip", "buffer": zipped(tmp_path)})
    page.get_by_test_id("series").get_by_text("7 slices of 32 × 40, 4.4 mm apart").wait_for()
    seen = page.content()
    page.get_by_test_id("series").get_by_text("2: Coronal").click()
    page.get_by_text("× 7 voxels of").wait_for()
    seen += page.content() + page.url + app.log.read_text(encoding="utf-8")
    seen += " ".join(path.name for folder in app.folders() for path in folder.rglob("*"))
    assert [name for name in PLANTED if name in seen] == []
