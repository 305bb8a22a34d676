"""Where results come from, without a name of a file or folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinemr.pipeline.origin import case_provenance, unnamed, without_place
from spinemr.pipeline.request import CaseRequest


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["spinemr", "run", "Anna/t2.nii.gz", "-o", "out"], ["spinemr", "run", "IMAGE", "-o", "out"]),
        (["run", "--target=Anna/t2.nii.gz"], ["run", "--target=IMAGE"]),
        (["run", "./Anna/t2.nii.gz", "--strict"], ["run", "IMAGE", "--strict"]),
        (["run", "t2.nii.gz", "--shift=1"], ["run", "t2.nii.gz", "--shift=1"]),
    ],
)
def test_a_place_gets_its_name_in_the_command(words, expected):
    assert without_place(words, Path("Anna/t2.nii.gz"), "IMAGE") == expected


@pytest.mark.parametrize(
    ("image", "note", "expected"),
    [
        ("Anna/t2.nii", "t2.nii has no valid voxel spacing.", "The image has no valid voxel spacing."),
        ("Anna/t2.nii", "Anna/t2.nii has 3 NaN voxels.", "The image has 3 NaN voxels."),
        ("Anna", "The only series in Anna is axial.", "The only series in the image is axial."),
        ("1", "The slices of 1 are 11 mm apart.", "The slices of the image are 11 mm apart."),
        (".", "The slices are 4.1 mm apart.", "The slices are 4.1 mm apart."),
    ],
)
def test_notes_name_no_file(image, note, expected):
    assert unnamed(note, CaseRequest(Path(image))) == expected


def test_a_note_on_a_file_of_a_folder_names_it_neither(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "ANNA.dcm").write_bytes(b"")
    request = CaseRequest(tmp_path / "other.nii.gz", harmonize="nyul", target=tmp_path / "sub")
    assert unnamed("ANNA.dcm is a 2D image.", request) == "An image is a 2D image."


def test_files_are_told_by_their_digests_and_everything_that_was_asked_for(image_path, request_of, tools, tmp_path):
    target = tmp_path / "Novák.json"
    target.write_text("{}", encoding="utf-8")
    request = request_of(target=target, shift=-1, spacing_mm=(0.5, 0.5, 4.0))
    made = case_provenance(request, tools, ["spinemr", "run", str(image_path), "--target", str(target)])
    assert made.command == ("spinemr", "run", "IMAGE", "--target", "TARGET")
    assert [file.name for file in made.inputs] == ["IMAGE", "TARGET"]
    assert made.inputs[1].sha256 == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert made.models == {"told": "ab" * 32}
    assert made.parameters["target"] == "TARGET"
    assert made.parameters["shift"] == -1 and made.parameters["spacing_mm"] == [0.5, 0.5, 4.0]
    assert made.parameters["method"] == {"middle": 127.5, "scale": 42.5, "name": "zscore"}
    assert made.parameters["settings"]["bin_count"] == 64
    assert "Nov" not in str(made.as_dict())
