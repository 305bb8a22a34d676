"""Where results come from, without a name of a file or folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spinemr.harmonization.method import Outcome
from spinemr.imaging.progress import silent
from spinemr.imaging.provenance import without_place
from spinemr.pipeline.origin import case_provenance, final_provenance, unnamed
from spinemr.pipeline.request import CaseRequest
from spinemr.pipeline.result import CaseResult
from spinemr.pipeline.run import run_case


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


def test_the_network_that_harmonized_is_among_the_models(request_of, tools):
    class Network:
        """Two references in one network, of which the image chooses one."""

        name, units = "auto", "0 to 255"

        def as_dict(self):
            return {"name": "auto", "references": ["clinic/t1", "clinic/t2"]}

        def transform(self, image, *, progress=silent):  # noqa: ARG002
            return image

        def outcome(self, image, *, progress=silent):  # noqa: ARG002
            chosen = {"name": "cyclegan", "model": "clinic", "target": "t2", "sha256": "cd" * 32}
            return Outcome(image, tools.method, ("The image is T2-weighted.",), {"chosen": chosen})

    result = run_case(request_of(), replace(tools, method=Network()))
    assert final_provenance(result).models == {"told": "ab" * 32, "clinic": "cd" * 32}
    assert list(final_provenance(result).seconds) == ["read", "harmonize", "segment", "measure", "features", "judge", "report"]
    said = result.as_quality()["harmonization"]
    assert said["notes"] == ["The image is T2-weighted."]
    assert said["details"]["chosen"]["target"] == "t2"
    assert "The image is T2-weighted." in result.page and "clinic cdcdcdcdcdcd" in result.page


def test_a_network_that_was_named_is_among_the_models_too(request_of, tools):
    made = case_provenance(request_of(), tools, [])
    named = replace(made, parameters={**made.parameters, "method": {"model": "clinic", "sha256": "cd" * 32}})
    result = CaseResult(request_of(), None, named)
    assert final_provenance(result).models == {"told": "ab" * 32, "clinic": "cd" * 32}
    assert final_provenance(replace(result, provenance=made)).models == {"told": "ab" * 32}
