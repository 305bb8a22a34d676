"""Everything a file can be wrong in: it works as its owner would expect, or it is one clear line, exit code 2 and no trace."""

from __future__ import annotations

import gzip
import json
import os
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.imaging.geometry import WorkingFrame


class Maker:
    """Writes one kind of broken or unusual label map."""

    def __init__(self, folder: Path, array: np.ndarray, image: sitk.Image) -> None:
        self.folder, self.array, self.image = folder, array, image

    def write(self, image: sitk.Image, name: str = "input.nii.gz") -> Path:
        sitk.WriteImage(image, str(self.folder / name))
        return self.folder / name

    def raw(self, content: bytes, name: str) -> Path:
        (self.folder / name).write_bytes(content)
        return self.folder / name

    def of_array(self, array: np.ndarray, *, vector: bool = False, name: str = "input.nii.gz") -> Path:
        image = sitk.GetImageFromArray(array, isVector=vector)
        if image.GetDimension() == 3:
            image.CopyInformation(self.image)
        return self.write(image, name)

    def patched_header(self, offset: int, layout: str, *values: float) -> Path:
        content = bytearray(gzip.decompress(self.write(self.image).read_bytes()))
        struct.pack_into(layout, content, offset, *values)
        return self.raw(gzip.compress(bytes(content)), "input.nii.gz")

    def missing(self) -> Path:
        return self.folder / "nothing here.nii.gz"

    def empty_file(self) -> Path:
        return self.raw(b"", "input.nii.gz")

    def empty_folder(self) -> Path:
        (self.folder / "empty").mkdir()
        return self.folder / "empty"

    def text(self) -> Path:
        return self.raw(b"Dear colleague,\nplease find attached\n", "input.nii.gz")

    def text_nrrd(self) -> Path:
        return self.raw(b"Dear colleague,\nplease find attached\n", "input.nrrd")

    def unknown_ending(self) -> Path:
        return self.raw(b"abc", "input.docx")

    def truncated(self) -> Path:
        content = self.write(self.image).read_bytes()
        return self.raw(content[: len(content) // 2], "input.nii.gz")

    def truncated_plain(self) -> Path:
        path = self.write(self.image, "input.nii")
        return self.raw(path.read_bytes()[:2000], "input.nii")

    def truncated_nrrd(self) -> Path:
        path = self.write(self.image, "input.nrrd")
        return self.raw(path.read_bytes()[:1000], "input.nrrd")

    def truncated_mha(self) -> Path:
        path = self.write(self.image, "input.mha")
        return self.raw(path.read_bytes()[:1000], "input.mha")

    def header_without_pixels(self) -> Path:
        path = self.write(self.image, "input.mhd")
        (self.folder / "input.raw").unlink()
        return path

    def four_d(self) -> Path:
        return self.write(sitk.JoinSeries([self.image, self.image]))

    def four_d_of_one(self) -> Path:
        return self.write(sitk.JoinSeries([self.image]))

    def colour(self) -> Path:
        return self.of_array(np.random.default_rng(0).integers(0, 255, (*self.array.shape, 3), np.uint8), vector=True)

    def nan(self) -> Path:
        broken = self.array.astype(np.float32)
        broken[0, 0, 0] = np.nan
        return self.of_array(broken, name="input.nrrd")

    def infinite(self) -> Path:
        broken = self.array.astype(np.float32)
        broken[0, 0, 0] = np.inf
        return self.of_array(broken, name="input.nrrd")

    def grey_values(self) -> Path:
        return self.of_array(np.random.default_rng(0).normal(100, 20, self.array.shape).astype(np.float32))

    def negative(self) -> Path:
        return self.of_array(self.array.astype(np.int16) - 1)

    def whole_floats(self) -> Path:
        return self.of_array(self.array.astype(np.float64))

    def all_background(self) -> Path:
        return self.of_array(self.array * 0)

    def all_one_label(self) -> Path:
        return self.of_array(self.array * 0 + 23)

    def zero_spacing(self) -> Path:
        return self.patched_header(80, "<f", 0.0)

    def nan_spacing(self) -> Path:
        return self.patched_header(80, "<f", float("nan"))

    def spacing_in_metres(self) -> Path:
        return self.write(self.respaced((0.00075, 0.00075, 0.004)), "input.nrrd")

    def wrong_spacing(self) -> Path:
        return self.write(self.respaced((0.75, 0.75, 5.0)))

    def respaced(self, spacing: tuple[float, float, float]) -> sitk.Image:
        image = sitk.Image(self.image)
        image.SetSpacing(spacing)
        return image

    def missing_direction(self) -> Path:
        content = bytearray(gzip.decompress(self.write(self.image).read_bytes()))
        struct.pack_into("<hh", content, 252, 0, 0)  # qform_code and sform_code
        return self.raw(gzip.compress(bytes(content)), "input.nii.gz")

    def impossible_direction(self) -> Path:
        lines = self.write(self.image, "input.mha").read_bytes()
        return self.raw(lines.replace(b"TransformMatrix = 0", b"TransformMatrix = 1"), "input.mha")

    def one_slice(self) -> Path:
        return self.write(self.image[:, :, 2:3])

    def two_d(self) -> Path:
        return self.write(self.image[:, :, 2], "input.nrrd")

    def axial(self) -> Path:
        """The same voxels stored as an axial stack."""
        return self.write(sitk.PermuteAxes(WorkingFrame.of(self.image).forward(self.image), [2, 0, 1]))

    def oblique(self) -> Path:
        image = sitk.Image(self.image)
        turn = sitk.Euler3DTransform((0.0, 0.0, 0.0), 0.2, 0.0, 0.0)
        matrix = np.reshape(turn.GetMatrix(), (3, 3)) @ np.reshape(image.GetDirection(), (3, 3))
        image.SetDirection(matrix.ravel().tolist())
        return self.write(image)

    def swapped_sides(self) -> Path:
        image = sitk.Image(self.image)
        image.SetDirection([-x if i % 3 == 2 else x for i, x in enumerate(image.GetDirection())])
        return self.write(image)

    def other_size(self) -> Path:
        return self.write(self.image[:, :-3])

    def huge(self) -> Path:
        """A header that declares 27 million million voxels, and nothing behind it."""
        header = b"NRRD0004\ntype: uint8\ndimension: 3\nspace: left-posterior-superior\n"
        header += b"sizes: 30000 30000 30000\nkinds: domain domain domain\nencoding: raw\n"
        header += b"space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n\n"
        return self.raw(header, "input.nrrd")

    def huge_nifti(self) -> Path:
        return self.patched_header(42, "<hhh", 30000, 30000, 30000)

    def blanks_and_accents(self) -> Path:
        folder = self.folder / "L\u00e9ka\u0159 Dr. M\u00fcller \u8170\u690e"
        folder.mkdir()
        return self.write(self.image, f"{folder.name}/s\u00e9gmentation (1).nii.gz")

    def long_name(self) -> Path:
        return self.folder / ("x" * 300 + ".nii.gz")

    def null_name(self) -> Path:
        return self.folder / "a\nb.nii.gz"


@pytest.fixture
def maker(tmp_path, boxes, label_image):
    (tmp_path / "inputs").mkdir()
    return Maker(tmp_path / "inputs", boxes(), label_image(boxes()))


REFUSED = {
    "missing": "There is no file or folder",
    "empty_file": "empty",
    "empty_folder": "DICOM",
    "text": "Cannot read|not",
    "text_nrrd": "Cannot read|not",
    "unknown_ending": "ending .docx",
    "truncated": "cut off|incomplete|truncated|too short|Cannot read|damaged",
    "truncated_plain": "cut off|incomplete|truncated|too short|Cannot read|damaged",
    "truncated_nrrd": "cut off|incomplete|truncated|too short|Cannot read|damaged",
    "truncated_mha": "cut off|incomplete|truncated|too short|Cannot read|damaged",
    "header_without_pixels": "Cannot read|missing|not there",
    "four_d": "4D",
    "colour": "several values|colour",
    "nan": "fractions|not numbers|NaN|whole numbers",
    "infinite": "outside|not numbers|infinite|whole numbers",
    "grey_values": "fractions",
    "negative": "outside of 0",
    "spacing_in_metres": "spacing",
    "wrong_spacing": "another grid.*spacing 0.75 x 0.75 x 5 mm against 0.75 x 0.75 x 4 mm",
    "impossible_direction": "direction|axes|skew|singular",
    "one_slice": "another grid.*size 30x40x1 against 30x40x5",
    "oblique": "another grid.*turned by 11.5 degrees",
    "swapped_sides": "another grid.*axes PIL against PIR",
    "other_size": "another grid.*size 30x37x5 against 30x40x5",
    "huge": "too large",
    "huge_nifti": "too large",
    "long_name": "Cannot read|no file",
    "null_name": "no file",
}
REFUSED_AFTER_A_NOTE = {
    "zero_spacing": "spacing",
    "nan_spacing": "spacing",
    "missing_direction": "another grid",
    "two_d": "another grid",
}
WORKS = {
    "four_d_of_one": 1.0,
    "whole_floats": 1.0,
    "all_background": 0.0,
    "all_one_label": None,
    "axial": 1.0,
    "blanks_and_accents": 1.0,
}


def test_every_maker_is_walked_through():
    made = {name for name in vars(Maker) if not name.startswith("_")} - {"write", "raw", "of_array", "patched_header", "respaced"}
    assert made == {*REFUSED, *REFUSED_AFTER_A_NOTE, *WORKS}


@pytest.mark.parametrize("role", ["prediction", "truth"])
@pytest.mark.parametrize("kind", [*REFUSED, *REFUSED_AFTER_A_NOTE])
def test_what_cannot_work_is_one_clear_line_and_leaves_nothing(spinemr, maker, truth_path, tmp_path, listed, kind, role):
    path = getattr(maker, kind)()
    before = listed(tmp_path)
    pair = (path, truth_path) if role == "prediction" else (truth_path, path)
    outcome = spinemr("evaluate", *pair, "-o", tmp_path / "out" / "scores.json")
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    lines = outcome.err.strip().splitlines()
    notes = [line for line in lines if line.startswith("Note: ")]
    if kind != "null_name":  # a name of two lines is shown on two lines
        assert len(lines) - len(notes) == 1
        assert len(notes) <= (kind in REFUSED_AFTER_A_NOTE)
    expected = (REFUSED | REFUSED_AFTER_A_NOTE)[kind]
    if "against" in expected and role == "truth":
        expected = "another grid"
    assert re.search(expected, outcome.err), outcome.err
    assert listed(tmp_path) == before


@pytest.mark.parametrize("kind", WORKS)
def test_what_can_work_does(spinemr, maker, truth_path, tmp_path, kind):
    out = tmp_path / "out" / "scores.json"
    outcome = spinemr("evaluate", getattr(maker, kind)(), truth_path, "-o", out)
    assert (outcome.code, outcome.err) == (0, "")
    mean = json.loads(out.read_text(encoding="utf-8"))["mean_of_labels"]["dsc"]
    assert WORKS[kind] is None or mean == WORKS[kind]


def test_one_slice_against_one_slice(spinemr, maker):
    path = maker.one_slice()
    outcome = spinemr("evaluate", path, path)
    assert outcome.code == 0
    assert "1.000" in outcome.out


@pytest.mark.parametrize("kind", ["wrong_spacing", "oblique", "other_size", "swapped_sides"])
def test_another_grid_works_on_request(spinemr, maker, truth_path, kind):
    outcome = spinemr("evaluate", getattr(maker, kind)(), truth_path, "--resample")
    assert (outcome.code, outcome.err) == (0, "")


def test_two_empty_maps_are_nothing_to_compare(spinemr, maker):
    path = maker.all_background()
    outcome = spinemr("evaluate", path, path)
    assert outcome.code == 2
    assert "Neither" in outcome.complaint


def test_an_output_that_is_not_json_never_overwrites_anything(spinemr, truth_path, tmp_path, listed):
    before = listed(tmp_path)
    outcome = spinemr("evaluate", truth_path, truth_path, "-o", truth_path)
    assert outcome.code == 2
    assert "JSON" in outcome.complaint
    assert listed(tmp_path) == before


@pytest.mark.parametrize("kind", ["under a file", "a folder"])
def test_an_impossible_output_is_one_line_and_leaves_nothing(spinemr, truth_path, tmp_path, listed, kind):
    (tmp_path / "folder.json").mkdir()
    target = truth_path / "sub" / "scores.json" if kind == "under a file" else tmp_path / "folder.json"
    before = listed(tmp_path)
    outcome = spinemr("evaluate", truth_path, truth_path, "-o", target)
    assert outcome.code == 2
    assert "Cannot write" in outcome.complaint
    assert outcome.out == ""
    assert listed(tmp_path) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write and read everywhere")
def test_no_permission_is_one_line(spinemr, truth_path, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    outcome = spinemr("evaluate", truth_path, truth_path, "-o", locked / "scores.json")
    assert outcome.code == 2
    assert "permission" in outcome.complaint
    truth_path.chmod(0o000)
    outcome = spinemr("evaluate", truth_path, truth_path)
    assert outcome.code == 2
    assert "permission" in outcome.complaint


def test_cancelled_half_way_leaves_nothing(spinemr, truth_path, tmp_path, listed, monkeypatch):
    from spinemr.segmentation import metrics

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(metrics.SurfaceDistance, "of", interrupted)
    before = listed(tmp_path)
    outcome = spinemr("evaluate", truth_path, truth_path, "-o", tmp_path / "new" / "scores.json")
    assert (outcome.code, outcome.complaint) == (130, "Cancelled.")
    assert listed(tmp_path) == before


def test_interrupted_while_writing_leaves_the_old_result(spinemr, truth_path, tmp_path, listed, monkeypatch):
    out = tmp_path / "scores.json"
    out.write_text("old")
    before = listed(tmp_path)

    def interrupted(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.replace", interrupted)
    assert spinemr("evaluate", truth_path, truth_path, "-o", out).code == 130
    assert listed(tmp_path) == before
    assert out.read_text() == "old"
