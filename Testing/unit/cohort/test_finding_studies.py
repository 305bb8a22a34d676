"""Finding studies: manifests, BIDS trees, folders of volumes, heaps of DICOM; and ids that tell nothing."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
import SimpleITK as sitk

from spinemr.cohort.cohort_folder import HIDDEN
from spinemr.cohort.finding import find_studies
from spinemr.cohort.pseudonyms import Pseudonyms, pseudonyms_in
from spinemr.cohort.scanner_name import scanner_name
from spinemr.cohort.study import Study, is_id
from spinemr.imaging.errors import InputError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "imaging"))


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"-")


def found_in(place, names):
    return find_studies(place, names).studies


def manifest(folder, text):
    path = folder / "studies.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_manifest_gives_ids_scanners_groups_and_paths_beside_itself(tmp_path, names):
    text = "\ufeffId, Path ,scanner,group,subject,series\nb.2,x/b.nii.gz,avanto,ill,s1,\na-1,s3://bucket/a.nii.gz,,,,\n\nc,dicom,vida,,s1,7\n"
    found = found_in(manifest(tmp_path, text), names)
    assert found == (
        Study("a-1", "s3://bucket/a.nii.gz"),
        Study("b.2", str(tmp_path / "x" / "b.nii.gz"), "avanto", "ill", "s1"),
        Study("c", str(tmp_path / "dicom"), "vida", "", "s1", "7"),
    )
    assert [study.is_remote for study in found] == [True, False, False]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are of POSIX")
@pytest.mark.parametrize("name", ["studies.csv", "tree/participants.tsv", "tree/T2w.json"])
def test_pipes_are_not_waited_for(tmp_path, names, name):
    touch(tmp_path / "tree" / "sub-1" / "anat" / "sub-1_T2w.nii.gz")
    os.mkfifo(tmp_path / name)
    if name == "studies.csv":
        with pytest.raises(InputError, match="it is no plain file"):
            found_in(tmp_path / name, names)
    else:
        assert len(found_in(tmp_path / "tree", names)) == 1


@pytest.mark.parametrize("separator", [";", "\t"])
def test_spreadsheets_of_other_countries_are_read(tmp_path, names, separator):
    text = "id;path;scanner\na;x,1/a.nii.gz;Avanto 1,5 T\nb;b.nii.gz\n".replace(";", separator)
    assert found_in(manifest(tmp_path, text), names) == (
        Study("a", str(tmp_path / "x,1" / "a.nii.gz"), "Avanto 1,5 T"),
        Study("b", str(tmp_path / "b.nii.gz")),
    )


def test_cells_beyond_the_columns_may_be_empty(tmp_path, names):
    assert found_in(manifest(tmp_path, "id,path,\na,a.nii.gz,,\n"), names) == (Study("a", str(tmp_path / "a.nii.gz")),)


def test_studies_without_ids_get_some_that_hold_nothing_of_their_names(tmp_path, names):
    found = found_in(manifest(tmp_path, "image\nNovakova/t2.nii.gz\nNovakova/t1.nii.gz\n"), names)
    assert len({study.id for study in found}) == 2
    assert all(is_id(study.id) and study.id.startswith("study-") and "nova" not in study.id.lower() for study in found)
    assert "Novakova" not in repr(found)
    assert "Novakova" in found[0].path


def test_ids_stay_with_the_key_and_change_with_it(tmp_path):
    first, again = (pseudonyms_in(tmp_path / "key") for _ in range(2))
    assert first == again
    assert len(first.key) == 32
    assert first.study("a") == again.study("a") != first.study("b")
    assert pseudonyms_in(tmp_path / "other").study("a") != first.study("a")
    assert first.subject("a").removeprefix("subject-") != first.study("a").removeprefix("study-")
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(InputError, match="damaged"):
        pseudonyms_in(tmp_path / "key")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("id,scanner\na,b\n", "has no column path"),
        ("id,path\na,\n", "Line 2 of the manifest has no path"),
        ("id,path\n../x,a.nii\n", "line 2 of the manifest cannot name a folder"),
        ("id,path\n,a.nii\n", "cannot name a folder"),
        ("id,path\na,a.nii\nA,b.nii\n", "Lines 2 and 3 of the manifest have the same id"),
        ("path,series\na.nii,\nb.nii,\n\na.nii,\n", "Lines 2 and 5 of the manifest have the same path"),
        ("id,path\n", "names no studies"),
        ("", "has no column path"),
        ("id,path,ID\na,a.nii,b\n", "has two columns id"),
        ("id,path\na,Doe, Jane.nii\n", "Line 2 of the manifest has more cells than there are columns"),
    ],
)
def test_manifests_that_cannot_be_meant_are_refused(tmp_path, names, text, complaint):
    with pytest.raises(InputError, match=complaint):
        found_in(manifest(tmp_path, text), names)


def test_the_manifest_that_drawn_studies_come_with_is_taken(tmp_path, names):
    (tmp_path / "manifest.csv").write_text(
        "study,scanner,image,labels\nstudy_0001,alder,study_0001/image.nii.gz,x\n", encoding="utf-8"
    )
    assert found_in(tmp_path, names) == (Study("study_0001", str(tmp_path / "study_0001" / "image.nii.gz"), "alder"),)


def test_a_folder_of_volumes_is_taken_without_its_masks_pictures_and_results(tmp_path, names):
    wanted = [tmp_path / name for name in ("a.nii.gz", "deep/b.mha", "deep/image.nrrd")]
    touch(*wanted, tmp_path / "a_labels.nii.gz", tmp_path / "deep" / "mask.nrrd", tmp_path / "c.seg.nrrd", tmp_path / "p.png")
    touch(tmp_path / "notes.txt", tmp_path / ".hidden" / "d.nii.gz", tmp_path / "results" / HIDDEN / "key")
    touch(tmp_path / "results" / "studies" / "x" / "source.nii.gz")
    found = found_in(tmp_path, names)
    assert {study.path for study in found} == {str(path) for path in wanted}
    assert [study.id for study in found] == sorted(study.id for study in found)
    assert {study.id for study in found} >= {names.study("deep/b.mha")}


def test_pictures_are_studies_where_there_is_nothing_else(tmp_path, names):
    touch(tmp_path / "one.png", tmp_path / "two.jpg", tmp_path / "one_mask.png")
    assert {Path(study.path).name for study in found_in(tmp_path, names)} == {"one.png", "two.jpg"}


def test_nothing_to_find_is_said(tmp_path, names):
    with pytest.raises(InputError, match="There are no studies"):
        found_in(tmp_path, names)
    with pytest.raises(InputError, match="There is no file or folder"):
        found_in(tmp_path / "missing", names)
    touch(tmp_path / "image.nii.gz")
    with pytest.raises(InputError, match="neither a folder nor a"):
        found_in(tmp_path / "image.nii.gz", names)


def test_a_bids_tree_gives_anatomy_of_all_sessions_with_scanner_and_group(tmp_path, names):
    anat, session = tmp_path / "sub-Anna" / "anat", tmp_path / "sub-Anna" / "ses-2" / "anat"
    other = tmp_path / "sub-02" / "anat"
    touch(anat / "sub-Anna_T2w.nii.gz", session / "sub-Anna_ses-2_T2w.nii", other / "sub-02_T1w.nii.gz")
    touch(
        anat / "sub-Anna_T2w_mask.nii.gz",
        anat / "sub-Anna_dseg.nii.gz",
        tmp_path / "derivatives" / "sub-Anna" / "anat" / "x_T2w.nii.gz",
    )
    touch(tmp_path / "sub-02" / "func" / "sub-02_bold.nii.gz")
    (tmp_path / "T2w.json").write_text(json.dumps({"Manufacturer": "SIEMENS", "MagneticFieldStrength": 3}), encoding="utf-8")
    (session / "sub-Anna_ses-2_T2w.json").write_text('{"MagneticFieldStrength": 1.5}', encoding="utf-8")
    (tmp_path / "participants.tsv").write_text("participant_id\tgroup\nsub-Anna\till\nsub-02\tn/a\n", encoding="utf-8")
    by_name = {Path(study.path).name: study for study in found_in(tmp_path, names)}
    assert set(by_name) == {"sub-Anna_T2w.nii.gz", "sub-Anna_ses-2_T2w.nii", "sub-02_T1w.nii.gz"}
    first, second, third = (by_name[name] for name in ("sub-Anna_T2w.nii.gz", "sub-Anna_ses-2_T2w.nii", "sub-02_T1w.nii.gz"))
    assert (first.scanner, second.scanner, third.scanner) == ("siemens-3t", "siemens-1.5t", "")
    assert (first.group, third.group) == ("ill", "")
    assert first.subject == second.subject != third.subject
    assert "anna" not in f"{first.id}{first.subject}".lower()


def test_a_heap_of_dicom_of_two_patients_is_sorted_into_sagittal_stacks(tmp_path, names):
    pytest.importorskip("pydicom")
    from dicom_writer import AXIAL, CT_STORAGE, PLANTED, Series, write_series

    heap = tmp_path / "PLANTEDNAME"
    write_series(heap, Series(number=1))
    write_series(heap, Series(number=2, echo_ms=12.0, repetition_ms=500.0))
    write_series(heap, Series(number=3, orientation=AXIAL))
    write_series(heap / "b", Series(number=4, modality="CT", sop_class=CT_STORAGE))
    for path in write_series(tmp_path / "second", Series(number=5)):
        change(
            path,
            PatientID="SOMEBODY",
            Manufacturer="Philips Medical",
            ManufacturerModelName="PLANTEDNAME's",
            MagneticFieldStrength=1.5,
        )
    write_series(tmp_path / "copy", twin := Series(number=6))
    for path in list((tmp_path / "copy").iterdir()):
        touch(tmp_path / "copy of copy" / path.name)
        (tmp_path / "copy of copy" / path.name).write_bytes(path.read_bytes())
    found = find_studies(tmp_path, names)
    assert found.left_out == 2
    assert len(found.studies) == 4, twin.uid
    assert len({study.subject for study in found.studies}) == 2
    philips = next(study for study in found.studies if study.scanner)
    assert philips.scanner.startswith("philips-1.5t-")
    assert all(len(study.files) == 5 for study in found.studies)
    told = [f"{study.id} {study.scanner} {study.subject} {study!r}" for study in found.studies]
    assert not any(name in line for line in told for name in PLANTED)


def change(path, **tags):
    import pydicom

    content = pydicom.dcmread(path)
    for name, value in tags.items():
        setattr(content, name, value)
    content.save_as(path)


def test_scanners_are_named_without_free_text(names):
    assert scanner_name("SIEMENS", "Avanto", 1.5, names) == f"siemens-1.5t-{names.short('siemens avanto')}"
    assert scanner_name("GE MEDICAL SYSTEMS", "", 3.0, names) == "ge-3t"
    assert scanner_name("Gerda Novakova", "", 0, names) == "other"
    assert scanner_name("", "", 0, names) == ""
    assert scanner_name("GE", "", 49.0, names) == "ge"
    assert scanner_name("Siemens", "Avanto ", 1.5, names) == scanner_name("SIEMENS ", "avanto", 1.5, names)
    assert scanner_name("SIEMENS", "Avanto", 1.5, Pseudonyms(b"x" * 32)) != scanner_name("SIEMENS", "Avanto", 1.5, names)


def test_text_of_a_study_is_without_its_path():
    assert "Novakova" not in repr(Study("a", "/data/Novakova.nii.gz", files=("Novakova.dcm",)))


def test_volumes_are_looked_for_by_name_alone(tmp_path, names):
    sitk.WriteImage(sitk.Image(4, 4, 4, sitk.sitkUInt8), str(tmp_path / "a.mhd"))
    assert [Path(study.path).name for study in found_in(tmp_path, names)] == ["a.mhd"]
