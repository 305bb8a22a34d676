"""What mutants, kills and full disks once brought to light, each as a case of its own."""

from __future__ import annotations

import faulthandler
import json
import os
import struct
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from random import Random

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.cli.main import main
from spinemr.imaging.dicom_headers import is_dicom
from spinemr.imaging.dicom_structure import is_well_formed
from spinemr.imaging.errors import InputError
from spinemr.imaging.files import read_image, read_labels, write_image

pytest.importorskip("pydicom")
linux = pytest.mark.skipif(sys.platform != "linux", reason="pipes, devices and names of any bytes as Linux has them")
DEEP = "[" * 100_000


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """A reader that waits without end ends the tests with a trace of where, not the patience of whoever runs them."""
    faulthandler.dump_traceback_later(120, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def spinemr(capsys):
    """The exit code of a command, and what it said."""

    def run(*words):
        code = main([str(word) for word in words])
        return code, capsys.readouterr().err

    return run


def _calls(seeds, path, out):
    return {
        "settings": ["radiomics", seeds.image, seeds.mask, "-o", out / "f.csv", "--settings", path],
        "table": ["radiomics", "compare", path, path, "-o", out / "c.csv"],
        "method": ["harmonize", seeds.image, "-o", out / "h.nii.gz", "--target", path],
        "model": ["segment", seeds.image, "-o", out / "s.nii.gz", "--model", path],
        "run's settings": ["run", seeds.image, "-o", out / "r", "--settings", path],
        "training": ["train", "segmentation", path, "-o", out / "t"],
        "manifest": ["radiomics", "profile", path, "-o", out / "p.json"],
    }


ENDINGS = {
    "settings": ".yaml", "table": ".csv", "method": ".json", "model": ".card.json", "run's settings": ".json",
    "training": ".json", "manifest": ".csv",
}  # fmt: skip


@linux
@pytest.mark.parametrize("what", sorted(ENDINGS))
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_a_device_is_not_waited_for(what, kind, spinemr, seeds, tmp_path):
    path = tmp_path / f"in{ENDINGS[what]}"
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    code, said = spinemr(*_calls(seeds, path, tmp_path / "out")[what])
    assert code == 2
    assert "Internal" not in said
    assert not (tmp_path / "out").exists()


@linux
def test_a_pipe_between_dicom_slices_is_passed_over(tmp_path):
    from dicom_writer import Series, write_series

    write_series(tmp_path, Series(pixel_mm=(5.0, 5.0)))
    os.mkfifo(tmp_path / "IM0010000a.dcm")
    assert read_image(tmp_path).GetSize() == (32, 40, 5)


@pytest.mark.parametrize("what", ["settings", "method", "model", "run's settings", "training"])
def test_brackets_without_end_are_one_sentence(what, spinemr, seeds, tmp_path):
    path = tmp_path / f"in{ENDINGS[what]}"
    path.write_text(DEEP, encoding="utf-8")
    code, said = spinemr(*_calls(seeds, path, tmp_path / "out")[what])
    assert code == 2
    assert "Internal" not in said


@pytest.mark.parametrize("name", ["provenance.json", "qc.json"])
def test_brackets_without_end_in_the_folder_of_a_case(name, spinemr, seeds, tmp_path):
    (tmp_path / "case").mkdir()
    for path in seeds.case.iterdir():
        (tmp_path / "case" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "case" / name).write_text(DEEP, encoding="utf-8")
    code, said = spinemr("radiomics", "report", tmp_path / "case", "-o", tmp_path / "page.html")
    assert code == 2
    assert name in said


@pytest.mark.parametrize("change", ["line ends changed", "text added"])
def test_dicom_lengths_beyond_the_file_are_not_believed(change, seeds, tmp_path):
    """GDCM makes room for up to 4 GB, whatever the size of the file."""
    from mutants.byte_changes import BYTE_CHANGES

    path = tmp_path / "image.dcm"
    content = seeds.images[".dcm"].read_bytes()
    path.write_bytes(content + b"<html></html>" if change == "text added" else BYTE_CHANGES[change](Random(1), content))
    assert is_well_formed(seeds.images[".dcm"])
    assert not is_well_formed(path)
    with pytest.raises(InputError, match="damaged"):
        read_image(path)


def test_every_sound_dicom_file_is_well_formed():
    """Those of pydicom's own tests that GDCM reads: all syntaxes, private tags, nested sequences."""
    import pydicom.data

    folder = Path(pydicom.data.__file__).parent / "test_files"
    found = [path for path in folder.rglob("*.dcm") if path.name != "rtplan_truncated.dcm" and is_dicom(path)]
    assert len(found) > 50
    assert [path.name for path in found if not is_well_formed(path)] == []


def test_tiff_pages_in_a_circle(seeds, tmp_path):
    """ITK followed them for ever, deaf to Ctrl-C."""
    content = bytearray(seeds.images[".tif"].read_bytes())
    start = struct.unpack_from("<I", content, 4)[0]
    count = struct.unpack_from("<H", content, start)[0]
    struct.pack_into("<I", content, start + 2 + 12 * count, start)
    (tmp_path / "image.tif").write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read_image(tmp_path / "image.tif")


@pytest.mark.parametrize("count", ["1e308", "-3", "99999999999", "x", ""])
def test_a_metaimage_without_a_number_of_axes(count, seeds, tmp_path):
    """ITK ended the whole process for some of them."""
    content = seeds.masks[".mha"].read_bytes().replace(b"NDims = 3", b"NDims = " + count.encode())
    (tmp_path / "mask.mha").write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read_labels(tmp_path / "mask.mha")


@linux
@pytest.mark.parametrize(("ending", "field"), [(".nhdr", b"data file:"), (".mhd", b"ElementDataFile =")])
def test_headers_that_send_to_a_device_or_a_pipe(ending, field, seeds, tmp_path):
    content = seeds.images[ending].read_bytes()
    os.mkfifo(tmp_path / "pipe.raw")
    for place in (b"/dev/zero", b"pipe.raw", b"."):
        start = content.index(field) + len(field)
        (tmp_path / f"image{ending}").write_bytes(content[:start] + b" " + place + content[content.index(b"\n", start) :])
        with pytest.raises(InputError, match="no plain file"):
            read_image(tmp_path / f"image{ending}")


def test_header_keys_that_are_no_utf8(seeds, tmp_path):
    """ITK hands such keys out, but does not take them back."""
    content = seeds.masks[".mha"].read_bytes()
    (tmp_path / "mask.mha").write_bytes(content.replace(b"NDims", b"Com\xff\xfeent = x\nNDims", 1))
    labels = read_labels(tmp_path / "mask.mha")
    assert np.array_equal(sitk.GetArrayFromImage(labels), sitk.GetArrayFromImage(read_labels(seeds.masks[".mha"])))
    assert not labels.GetMetaDataKeys()


@linux
@pytest.mark.parametrize("read", [read_image, read_labels])
def test_names_that_are_no_utf8(read, seeds, tmp_path):
    """SimpleITK ended the whole process."""
    path = tmp_path / "\udcff\udcfe.nii.gz"
    path.write_bytes(seeds.mask.read_bytes())
    with pytest.raises(InputError, match="UTF-8"):
        read(path)
    with pytest.raises(InputError, match="UTF-8"):
        write_image(sitk.ReadImage(str(seeds.image)), tmp_path / "\udcff.nii.gz")
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@linux
def test_results_under_a_name_that_is_no_utf8(spinemr, seeds, tmp_path):
    code, _ = spinemr("radiomics", seeds.image, seeds.mask, "-o", tmp_path / "\udcff.json")
    assert code == 0
    assert json.loads((tmp_path / "\udcff.json").read_text(encoding="utf-8"))["rows"]


@pytest.mark.parametrize("peak", [1.7e308, 3e38, 1e16])
def test_values_no_scanner_gives(peak, tmp_path):
    values = np.random.default_rng(0).normal(100, 10, (6, 40, 32))
    values[2, 3, 4] = peak
    sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / "image.nii"))
    with pytest.raises(InputError, match="no scanner"):
        read_image(tmp_path / "image.nii")


def test_a_gigabyte_in_kilobytes(tmp_path):
    from mutants.voxels import gzip_bomb

    for number in range(4):
        path = tmp_path / f"image{number}.nii.gz"
        path.write_bytes(gzip_bomb(Random(number)))
        assert path.stat().st_size < 10 << 20
        try:
            read_image(path)
        except InputError:
            continue


def test_paths_longer_than_any(spinemr, tmp_path):
    path = tmp_path / ("n" * 300) / ("m" * 5000) / "image.nrrd"
    for words in (["segment", path, "-o", tmp_path / "s.nii.gz"], ["run", path, "-o", tmp_path / "r", "--harmonize", "none"]):
        code, said = spinemr(*words)
        assert code == 2
        assert "Internal" not in said
    assert list(tmp_path.iterdir()) == []


def test_links_in_a_circle(spinemr, tmp_path):
    (tmp_path / "a.nrrd").symlink_to(tmp_path / "b.nrrd")
    (tmp_path / "b.nrrd").symlink_to(tmp_path / "a.nrrd")
    for words in (["run", tmp_path / "a.nrrd", "-o", tmp_path / "r"], ["run", tmp_path / "x", "-o", tmp_path / "a.nrrd"]):
        code, said = spinemr(*words, "--harmonize", "none")
        assert code == 2
        assert "Internal" not in said


def test_numbers_no_feature_has(spinemr, seeds, tmp_path):
    """Their squares leave the range of numbers."""
    lines = seeds.tables[".csv"].read_text(encoding="utf-8").splitlines()
    cells = lines[1].split(",")
    cells[8] = "1e308"
    (tmp_path / "f.csv").write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]) + "\n", encoding="utf-8")
    code, said = spinemr("radiomics", "compare", tmp_path / "f.csv", seeds.tables[".csv"], "-o", tmp_path / "c.csv")
    assert code == 2
    assert "1e+100" in said
    assert not (tmp_path / "c.csv").exists()


def test_a_target_longer_than_any_path(spinemr, seeds, tmp_path):
    target = tmp_path / ("n" * 300) / "image.nrrd"
    for method in ("histogram", "nyul", "auto"):
        code, said = spinemr("harmonize", seeds.image, "-o", tmp_path / "h.nii.gz", "--method", method, "--target", target)
        assert code == 2
        assert "Internal" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(find_spec("torch") is None, reason="networks are PyTorch's")
@pytest.mark.parametrize("options", [{"width": "wide"}, {"width": 4, "levels": []}, {"dropout": 7}])
def test_options_no_network_has(options, spinemr, seeds, tmp_path):
    run = json.loads(seeds.texts["training"].read_text(encoding="utf-8"))
    run["network"]["options"] = options
    (tmp_path / "run.json").write_text(json.dumps(run), encoding="utf-8")
    code, said = spinemr("train", "segmentation", tmp_path / "run.json", "-o", tmp_path / "run")
    assert code == 2
    assert "Internal" not in said
    assert not (tmp_path / "run").exists()
