"""Which files a study came from, for what has to refer to them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from spinemr.webapp.series import origin_of

pytest.importorskip("pydicom")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "imaging"))

from dicom_writer import Series, enhanced_dataset, write_series


def test_slices_come_from_their_files(tmp_path):
    files = write_series(tmp_path / "study", Series(slices=5))
    origin = origin_of(tmp_path / "study")
    assert origin is not None and sorted(origin.files()) == sorted(files)


@pytest.mark.parametrize("as_folder", [False, True])
def test_a_multi_frame_study_comes_from_its_one_file(tmp_path, as_folder):
    folder = tmp_path / "study"
    folder.mkdir()
    enhanced_dataset(Series(slices=5)).save_as(folder / "all.dcm", enforce_file_format=True)
    origin = origin_of(folder if as_folder else folder / "all.dcm")
    assert origin is not None and origin.files() == [folder / "all.dcm"]


def test_other_files_have_no_origin(tmp_path):
    (tmp_path / "study.nii").write_bytes(b"\0" * 400)
    assert origin_of(tmp_path / "study.nii") is None
