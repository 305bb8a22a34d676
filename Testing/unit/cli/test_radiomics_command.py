"""``spinemr radiomics``: tables of features and their sidecars out, one line for every input that is wrong."""

import errno
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.radiomics.extraction import extract
from spinemr.radiomics.table_files import read_table


@pytest.fixture
def study(tmp_path, boxes, label_image):
    """Paths of an image and its label map, in a folder with blanks and accents."""
    folder = tmp_path / "Lékař 1, ž"
    folder.mkdir()
    labels = label_image(boxes())
    noise = np.random.default_rng(1).normal(0, 20, boxes().shape)
    image = label_image((np.minimum(boxes(), 130) + 100 + noise).astype(np.int16))
    sitk.WriteImage(image, str(folder / "image č.nrrd"))
    sitk.WriteImage(labels, str(folder / "labels.nii.gz"))
    return folder / "image č.nrrd", folder / "labels.nii.gz"


@pytest.fixture
def quick(tmp_path):
    """A parameter file that asks for little."""
    path = tmp_path / "parameters.yaml"
    path.write_text("featureClass:\n  firstorder: [Mean]\n  glcm: [Idmn]\nsetting:\n  binWidth: 10\n")
    return path


def test_every_structure_gets_a_row(spinemr, study, tmp_path):
    image, mask = study
    out = tmp_path / "výstup" / "features.csv"
    outcome = spinemr("radiomics", image, mask, "-o", out)
    assert (outcome.code, outcome.err) == (0, "")
    assert f"7 structures with 107 features in {out}" in outcome.out
    table = read_table(out)
    assert {(row.label, row.structure) for row in table} == {
        (23, "L4 vertebra"),
        (24, "L5 vertebra"),
        (26, "sacrum"),
        (61, "spinal canal"),
        (123, "L4-L5 disc"),
        (124, "L5-S1 disc"),
        (223, "L4 posterior elements"),
    }
    assert {(row.case, row.image, row.scanner) for row in table} == {("features", "source", "")}
    expected = extract(sitk.ReadImage(str(image)), sitk.ReadImage(str(mask)), labels=[124])[124]
    assert dict(table.where(label=124).rows[0].features) == expected


def test_the_sidecar_says_how_it_was_made(spinemr, study, quick, tmp_path):
    image, mask = study
    assert spinemr("radiomics", image, mask, "-o", tmp_path / "f.csv", "--settings", quick, "--set", "binWidth=7").code == 0
    said = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))
    assert said["tool"] == "spinemr radiomics"
    assert [file["name"] for file in said["inputs"]] == ["IMAGE", "MASK", "SETTINGS"]
    assert said["parameters"]["settings"]["bin_width"] == 7
    assert said["parameters"]["engine"] == "spinemr"
    assert str(tmp_path) not in json.dumps(said)


def test_all_formats_hold_the_same(spinemr, study, quick, tmp_path):
    pytest.importorskip("pyarrow")
    tables = []
    for suffix in (".csv", ".parquet", ".json"):
        folder = tmp_path / suffix[1:]
        assert spinemr("radiomics", *study, "-o", folder / f"f{suffix}", "--settings", quick).code == 0
        tables.append(read_table(folder / f"f{suffix}"))
        assert len(list(folder.iterdir())) == (1 if suffix == ".json" else 2)
    assert tables[0] == tables[1] == tables[2]
    content = json.loads((tmp_path / "json" / "f.json").read_text(encoding="utf-8"))
    assert content["provenance"]["tool"] == "spinemr radiomics"


def test_what_a_row_says_of_its_image(spinemr, study, quick, tmp_path):
    words = ["--case", "007", "--image-name", "harmonized", "--scanner", "alder 1.5 T", "--label", "124"]
    assert spinemr("radiomics", *study, "-o", tmp_path / "f.csv", "--settings", quick, *words).code == 0
    (row,) = read_table(tmp_path / "f.csv")
    assert (row.case, row.image, row.scanner, row.label) == ("007", "harmonized", "alder 1.5 T", 124)


@pytest.mark.parametrize(
    ("words", "labels"),
    [
        (["--label", "24"], [24]),
        (["--label", "24,123", "--label", "61"], [24, 123, 61]),
        (["--label", "all"], [23, 24, 26, 61, 123, 124, 223]),
        (["--set", "label=61"], [61]),
        (["--set", "label=61", "--label", "23"], [23]),
    ],
)
def test_which_labels(spinemr, study, quick, tmp_path, words, labels):
    assert spinemr("radiomics", *study, "-o", tmp_path / "f.csv", "--settings", quick, *words).code == 0
    assert [row.label for row in read_table(tmp_path / "f.csv")] == labels


def test_a_label_in_the_file_counts_unless_another_is_asked_for(spinemr, study, quick, tmp_path):
    quick.write_text(quick.read_text() + "  label: 26\n")
    assert spinemr("radiomics", *study, "-o", tmp_path / "f.csv", "--settings", quick).code == 0
    assert [row.label for row in read_table(tmp_path / "f.csv")] == [26]
    assert spinemr("radiomics", *study, "-o", tmp_path / "f.csv", "--settings", quick, "--label", "all").code == 0
    assert len(read_table(tmp_path / "f.csv")) == 7


def test_masks_in_other_numbers(spinemr, study, quick, tmp_path, boxes, label_image):
    image, _ = study
    plain = tmp_path / "plain.nrrd"
    sitk.WriteImage(label_image((boxes() > 0).astype(np.uint8)), str(plain))
    assert spinemr("radiomics", image, plain, "-o", tmp_path / "f.csv", "--settings", quick).code == 0
    assert [row.structure for row in read_table(tmp_path / "f.csv")] == ["label 1"]
    spider = label_image(np.select([boxes() == 24, boxes() == 124, boxes() == 61], [1, 201, 100]).astype(np.uint8))
    sitk.WriteImage(spider, str(plain))
    words = ["--settings", quick, "--labels-scheme", "spider"]
    assert spinemr("radiomics", image, plain, "-o", tmp_path / "f.csv", *words).code == 0
    assert [row.structure for row in read_table(tmp_path / "f.csv")] == ["L5 vertebra", "spinal canal", "L5-S1 disc"]


def test_both_engines(spinemr, study, tmp_path):
    pytest.importorskip("radiomics")
    for engine in ("spinemr", "pyradiomics"):
        words = ["-o", tmp_path / f"{engine}.csv", "--engine", engine, "--label", "124"]
        outcome = spinemr("radiomics", *study, *words)
        assert (outcome.code, outcome.err) == (0, "")
    ours, theirs = (read_table(tmp_path / f"{engine}.csv").rows[0].features for engine in ("spinemr", "pyradiomics"))
    assert dict(ours) == pytest.approx(dict(theirs), rel=1e-6)
    said = json.loads((tmp_path / "pyradiomics.json").read_text(encoding="utf-8"))
    assert said["parameters"]["engine_version"].startswith("pyradiomics")


def test_images_as_small_as_the_digital_phantom(spinemr, tmp_path, quick):
    values = np.random.default_rng(0).integers(1, 7, (4, 4, 5)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / "i.nii.gz"))
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((4, 4, 5), np.uint8)), str(tmp_path / "m.nii.gz"))
    assert (
        spinemr("radiomics", tmp_path / "i.nii.gz", tmp_path / "m.nii.gz", "-o", tmp_path / "f.csv", "--settings", quick).code
        == 0
    )
    assert read_table(tmp_path / "f.csv").rows[0].features["original_firstorder_Mean"] == pytest.approx(values.mean())


def test_progress_for_programs(spinemr, study, quick, tmp_path):
    outcome = spinemr("radiomics", *study, "-o", tmp_path / "f.csv", "--settings", quick, "--progress", "json")
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    fractions = [line["fraction"] for line in lines]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert {line["phase"] for line in lines} == {"read", "features", "write"}


@pytest.mark.parametrize("words", [[], ["--help"], ["extract", "--help"]])
def test_help_shows_how_to_extract(spinemr, words):
    outcome = spinemr("radiomics", *words)
    assert outcome.code == 0
    for said in ("--engine", "--settings", "--label", "spinemr radiomics study.nii.gz"):
        assert said in outcome.out


def test_other_words_lead_elsewhere(spinemr):
    assert "compare" in spinemr("radiomics", "compare", "--help").out
    outcome = spinemr("radiomics", "compare.nii.gz", "mask.nii.gz", "-o", "f.csv")
    assert "There is no file or folder compare.nii.gz" in outcome.complaint


class Broken:
    """Makes one kind of wrong input; returns the words of the call and what is said of it."""

    def __init__(self, folder, image, mask):
        self.folder, self.image, self.mask = folder, image, mask
        self.pixels, self.labels = sitk.ReadImage(str(image)), sitk.ReadImage(str(mask))

    def write(self, image, name):
        sitk.WriteImage(image, str(self.folder / name))
        return self.folder / name

    def of(self, array, like, name="new.nrrd"):
        image = sitk.GetImageFromArray(array)
        image.CopyInformation(like)
        return self.write(image, name)

    def missing_image(self):
        return [self.folder / "none.nii.gz", self.mask], "There is no file or folder"

    def missing_mask(self):
        return [self.image, self.folder / "none.nii.gz"], "There is no file or folder"

    def text_for_a_mask(self):
        (self.folder / "mask.nii.gz").write_text("hello")
        return [self.image, self.folder / "mask.nii.gz"], "mask.nii.gz"

    def other_grid(self):
        return [self.image, self.write(self.labels[1:, :, :], "part.nrrd")], "another grid than the image: size 29x40x5"

    def moved_grid(self):
        self.labels.SetOrigin((0, 0, 0))
        return [self.image, self.write(self.labels, "moved.nrrd")], "origin"

    def absent_label(self):
        return [self.image, self.mask, "--label", "20"], "no label 20. It holds: 23, 24, 26"

    def label_that_is_none(self):
        return [self.image, self.mask, "--label", "L4"], "'L4' is no label"

    def empty_mask(self):
        return [self.image, self.write(self.labels * 0, "empty.nrrd")], "The mask is empty"

    def image_for_a_mask(self):
        noise = np.random.default_rng(0).normal(100, 9, (5, 40, 30)).astype(np.float32)
        return [self.image, self.of(noise, self.labels)], "holds fractions"

    def constant_image(self):
        return [self.write(self.pixels * 0 + 7, "flat.nrrd"), self.mask], "same value everywhere"

    def one_voxel(self):
        single = np.zeros((5, 40, 30), np.uint8)
        single[2, 20, 20] = 124
        return [self.image, self.of(single, self.labels)], "single voxel"

    def only_nan(self):
        return [self.of(np.full((5, 40, 30), np.nan, np.float32), self.labels), self.mask], "NaN or infinite"

    def unknown_setting(self):
        (self.folder / "s.yaml").write_text("setting:\n  binWdth: 5\n")
        return [self.image, self.mask, "--settings", self.folder / "s.yaml"], "s.yaml: There is no setting named binWdth"

    def unknown_feature(self):
        (self.folder / "s.yaml").write_text("featureClass:\n  glcm: [Idnm]\n")
        return [self.image, self.mask, "--settings", self.folder / "s.yaml"], "no glcm feature named Idnm"

    def missing_settings(self):
        return [self.image, self.mask, "--settings", self.folder / "none.yaml"], "Cannot read"

    def change_of_nothing(self):
        return [self.image, self.mask, "--set", "binWidth"], "Write NAME=VALUE"

    def change_of_unknown(self):
        return [self.image, self.mask, "--set", "binwidth=3"], "Is binWidth"

    def change_to_nonsense(self):
        return [self.image, self.mask, "--set", "binWidth=wide"], "binWidth cannot be 'wide'"

    def unknown_engine(self):
        return [self.image, self.mask, "--engine", "magic"], "magic"


@pytest.mark.parametrize("kind", [name for name in vars(Broken) if name not in ("write", "of") and not name.startswith("_")])
def test_what_is_wrong_is_one_line_and_leaves_nothing(spinemr, study, tmp_path, listed, kind):
    words, said = getattr(Broken(tmp_path, *study), kind)()
    before = listed(tmp_path)
    outcome = spinemr("radiomics", *words, "-o", tmp_path / "out" / "f.csv")
    assert outcome.code == 2
    assert said in outcome.err.splitlines()[-1]
    assert "Traceback" not in outcome.err
    assert listed(tmp_path) == before


def test_a_few_nan_voxels_are_told_of(spinemr, study, tmp_path, quick):
    image, mask = study
    values = sitk.GetArrayFromImage(sitk.ReadImage(str(image))).astype(np.float32)
    values[0, 0, 0] = np.nan
    broken = Broken(tmp_path, image, mask).of(values, sitk.ReadImage(str(image)))
    outcome = spinemr("radiomics", broken, mask, "-o", tmp_path / "f.csv", "--settings", quick)
    assert outcome.code == 0
    assert "has 1 NaN" in outcome.complaint


def test_a_damaged_structure_is_told_of_and_the_others_are_measured(spinemr, study, tmp_path, quick, boxes, label_image):
    array = boxes()
    array[array == 26] = 0
    array[4, 39, 29] = 26
    sitk.WriteImage(label_image(array), str(tmp_path / "damaged.nrrd"))
    outcome = spinemr("radiomics", study[0], tmp_path / "damaged.nrrd", "-o", tmp_path / "f.csv", "--settings", quick)
    assert outcome.code == 0
    assert "Left out: Label 26 is a single voxel" in outcome.complaint
    assert 26 not in [row.label for row in read_table(tmp_path / "f.csv")]


@pytest.mark.parametrize("name", ["f.xlsx", "f"])
def test_formats_nobody_writes(spinemr, study, tmp_path, name):
    outcome = spinemr("radiomics", *study, "-o", tmp_path / name)
    assert outcome.code == 2
    assert "tables are .csv, .parquet, .json" in outcome.complaint


def test_a_place_that_is_no_folder(spinemr, study, tmp_path, quick):
    (tmp_path / "file").write_text("x")
    outcome = spinemr("radiomics", *study, "-o", tmp_path / "file" / "f.csv", "--settings", quick)
    assert outcome.code == 2
    assert "a part of the path is a file" in outcome.complaint


def test_a_folder_nobody_may_write_to(spinemr, study, tmp_path, quick, monkeypatch):
    def refused(*_words):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refused)
    outcome = spinemr("radiomics", *study, "-o", tmp_path / "locked" / "f.csv", "--settings", quick)
    assert outcome.code == 2
    assert "you have no permission to write there" in outcome.complaint
    assert not (tmp_path / "locked").exists()
