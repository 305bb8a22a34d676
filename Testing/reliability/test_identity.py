"""Who was imaged, planted in every DICOM field that can hold it, in folders and in file names: no result says it."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

pydicom = pytest.importorskip("pydicom")

from dicom_writer import Series, slice_dataset  # noqa: E402
from pydicom.datadict import DicomDictionary  # noqa: E402
from pydicom.dataset import Dataset, FileDataset  # noqa: E402
from pydicom.sequence import Sequence  # noqa: E402

from spinemr.imaging.files import read_image, write_labels  # noqa: E402
from spinemr.synthesis.study import draw_study  # noqa: E402

NAME, IDENTIFIER, BIRTH, ACCESSION, PLACE = "ZELENKOVA^KVETUSE", "RC7754120815", "19770412", "ACQ9081726", "NEMOCNICE-UVALY"
PLANTED = ("ZELENKOVA", "KVETUSE", IDENTIFIER, BIRTH, "1977-04-12", ACCESSION, "NEMOCNICE")
TEXTS = {
    "PN": NAME, "LO": f"{NAME} {IDENTIFIER}", "SH": ACCESSION, "ST": f"{NAME} {PLACE}", "LT": f"{NAME} {BIRTH}",
    "UT": f"{NAME} {PLACE}", "UC": NAME, "UR": f"http://{PLACE}/{IDENTIFIER}", "DA": BIRTH, "DT": f"{BIRTH}120000",
    "CS": "ZELENKOVA", "AE": "NEMOCNICE",
}  # fmt: skip
"""What is planted, by the kind of value a field holds."""
NEEDED = {
    "Modality", "ImageType", "ScanningSequence", "SequenceVariant", "MRAcquisitionType", "PhotometricInterpretation",
    "PixelPresentation", "SpecificCharacterSet", "LossyImageCompression", "VolumetricProperties", "PatientPosition",
    "PixelDataProviderURL",
}  # fmt: skip
"""Fields without whose true value it is no MR image, or no image at all."""


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """A drawn lumbar spine as DICOM files with a name in all of them, below a folder and under names that say it, too."""
    drawn = draw_study(5, scanner="cedar-1.5t-t1", grade="II", pathology=()).image[::2, ::2, 2:9]
    folder = tmp_path_factory.mktemp("study") / "in"
    place = folder / f"{NAME} {BIRTH}" / IDENTIFIER
    place.mkdir(parents=True)
    for index in range(drawn.GetSize()[2]):
        dataset = _slice(drawn, index)
        _plant(dataset)
        dataset.save_as(place / f"{NAME}_{ACCESSION}_{index}.dcm", enforce_file_format=True)
    return folder


def _slice(image: sitk.Image, index: int) -> FileDataset:
    columns, rows, _ = image.GetSize()
    spacing, axes = image.GetSpacing(), np.reshape(image.GetDirection(), (3, 3))
    series = Series(rows=rows, columns=columns, uid="1.2.826.7", pixel_mm=(spacing[1], spacing[0]), thickness_mm=spacing[2])
    dataset = slice_dataset(series, 0)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.7.{index}"
    dataset.ImagePositionPatient = [round(value, 4) for value in image.TransformIndexToPhysicalPoint((0, 0, index))]
    dataset.ImageOrientationPatient = [round(float(value), 6) for value in (*axes[:, 0], *axes[:, 1])]
    values = sitk.GetArrayViewFromImage(image)[index]
    dataset.PixelData = np.clip(np.rint(values), 0, 65535).astype(np.uint16).tobytes()
    return dataset


def _plant(dataset: FileDataset) -> int:
    """Fill every field of text that the dictionary of DICOM knows, a nested one, private ones, and what stands before them."""
    planted = 0
    for tag, (kind, _, _, retired, keyword) in DicomDictionary.items():
        kind = kind.split(" ")[0]
        fits = kind in TEXTS and keyword and keyword not in NEEDED and not retired and tag >> 16 > 0x0004
        if fits and (tag not in dataset or kind != "CS"):
            dataset.add_new(tag, kind, TEXTS[kind])
            planted += 1
    inner = Dataset()
    inner.PatientName, inner.PatientID, inner.PatientBirthDate = NAME, IDENTIFIER, BIRTH
    inner.private_block(0x0011, NAME, create=True).add_new(0x01, "LO", NAME)
    outer = Dataset()
    outer.RequestAttributesSequence, outer.AccessionNumber = Sequence([inner]), ACCESSION
    dataset.ReferencedStudySequence = Sequence([outer])
    block = dataset.private_block(0x0029, f"{PLACE} HEADER", create=True)
    block.add_new(0x10, "OB", f"{NAME} {IDENTIFIER}".encode())
    block.add_new(0x11, "LO", ACCESSION)
    dataset.file_meta.SourceApplicationEntityTitle = dataset.file_meta.ImplementationVersionName = "NEMOCNICE"
    dataset.file_meta.PrivateInformationCreatorUID = "1.2.3"
    dataset.file_meta.PrivateInformation = NAME.encode()
    dataset.preamble = f"{NAME} {BIRTH} {PLACE}".encode().ljust(128, b"\0")
    return planted


def _said(*words: object, temporary: Path) -> str:
    """What a command printed; every file name that appears meanwhile is looked at, too."""
    watch = (
        "import os, sys\n"
        "def told(event, arguments):\n"
        "    if event in ('open', 'os.mkdir', 'os.rename', 'os.link', 'os.symlink') and (event != 'open' or arguments[2] & 3):\n"
        "        os.write(2, f'<made {arguments[0]} {arguments[1]}>\\n'.encode('utf-8', 'replace'))\n"
        "sys.addaudithook(told)\n"
        "from spinemr.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    environment = {**os.environ, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", watch, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "<made" in done.stderr
    return done.stdout + done.stderr


def _traces(folder: Path) -> list[str]:
    """Where something planted stands: in a name, or in the bytes of a file, unpacked or not, in either usual encoding."""
    found = []
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        texts = [path.name.encode(), content, gzip.decompress(content) if content[:2] == b"\x1f\x8b" else b""]
        found += [f"{path.name}: {word}" for word in _words_in(texts)]
    return found


def _words_in(texts: list[bytes]) -> list[str]:
    spellings = {word: (word.lower().encode(), word.lower().encode("utf-16-le")) for word in PLANTED}
    lowered = [text.lower() for text in texts]
    return [word for word, ways in spellings.items() if any(way in text for way in ways for text in lowered)]


def test_the_study_is_full_of_names(study):
    dataset = pydicom.dcmread(next(study.rglob("*.dcm")))
    assert _plant(dataset) > 700
    assert set(_words_in([path.read_bytes() for path in study.rglob("*.dcm")])) == set(PLANTED) - {"1977-04-12"}


def test_no_result_of_the_whole_job_says_who_it_was(study, tmp_path):
    out = tmp_path / "out"
    said = _said("run", study, "-o", out, "--harmonize", "zscore", temporary=tmp_path)
    assert (out / "qc.json").exists() and (out / "report.html").exists()
    assert _traces(out) == []
    assert _words_in([said.encode()]) == []
    assert _traces(tmp_path) == []


def test_no_single_result_says_who_it_was(study, tmp_path):
    """A folder that is itself called after somebody is typed by whoever starts the command; results do not repeat it."""
    named, out = next(study.iterdir()), tmp_path / "out"
    mask = read_image(study)
    labels = sitk.Cast(mask > 0, sitk.sitkUInt8) * 23
    write_labels(labels, tmp_path / f"{NAME}.nii.gz")
    _said("segment", named, "-o", out / "labels.seg.nrrd", "--measurements", temporary=tmp_path)
    _said("harmonize", named, "-o", out / "h.mhd", "--method", "whitestripe", temporary=tmp_path)
    _said("radiomics", named, tmp_path / f"{NAME}.nii.gz", "-o", out / "f.csv", "--set", "binCount=16", temporary=tmp_path)
    assert len(list(out.iterdir())) > 6
    assert _traces(out) == []


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".seg.nrrd"])
def test_no_format_says_who_it_was(ending, study, tmp_path):
    named, out = next(study.iterdir()), tmp_path / "out"
    _said("segment", named, "-o", out / f"labels{ending}", "--parts", temporary=tmp_path)
    if ending != ".seg.nrrd":
        _said("harmonize", named, "-o", out / f"h{ending}", temporary=tmp_path)
    _said("run", named, "-o", out / "results", "--harmonize", "none", temporary=tmp_path)
    _said("radiomics", "report", out / "results", "-o", out / "page.html", temporary=tmp_path)
    assert _traces(out) == []


@pytest.mark.parametrize(("ending", "target"), [(".nii", ".nrrd"), (".nrrd", ".mha"), (".mha", ".nii.gz")])
def test_names_in_headers_of_other_formats_are_left_behind(ending, target, seeds, tmp_path):
    image = sitk.ReadImage(str(seeds.image))
    for key in ("descrip", "aux_file", "intent_name", "db_name", "Comment", "0010|0010", "NRRD_content"):
        image.SetMetaData(key, "ZELENKOVA")
    source = tmp_path / f"image{ending}"
    sitk.WriteImage(image, str(source))
    assert _words_in([source.read_bytes()]) == ["ZELENKOVA"]
    _said("harmonize", source, "-o", tmp_path / "out" / f"h{target}", "--method", "zscore", temporary=tmp_path)
    assert _traces(tmp_path / "out") == []
