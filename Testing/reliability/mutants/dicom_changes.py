"""DICOM studies with something wrong: slices that miss, repeat or contradict each other, syntaxes, frames, tags, folders."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from dicom_writer import Series, enhanced_dataset, slice_dataset
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
    generate_uid,
)

from mutants.byte_changes import BYTE_CHANGES

SLICES = 6
Study = list[FileDataset]
StudyChange = Callable[[Random, Study, Path], None]
FIELDS = ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel", "NumberOfFrames")
TEXTS = (
    "PixelSpacing",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SliceThickness",
    "RescaleSlope",
    "InstanceNumber",
    "SeriesNumber",
    "EchoTime",
    "RepetitionTime",
    "SpacingBetweenSlices",
)
NUMBER_TEXTS = (
    "0",
    "-1",
    "1e30",
    "1e-30",
    "99999999",
    "0\\0",
    "0\\0\\0",
    "1\\0\\0\\1\\0\\0",
    "0\\0\\0\\0\\0\\0",
    "1e9\\1e9",
    "5\\5\\5",
)


def sound_study(random: Random) -> Study:
    """Six sagittal slices."""
    series = Series(slices=SLICES, uid=f"1.2.826.{random.randrange(10**9)}", pixel_mm=(5.0, 5.0))
    study = [slice_dataset(series, index) for index in range(SLICES)]
    for index, dataset in enumerate(study):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{series.uid}.{index}"
    return study


def write_study(study: Study, folder: Path) -> None:
    """One file a slice."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, dataset in enumerate(study):
        dataset.save_as(folder / f"IM{number:04d}.dcm", enforce_file_format=False)


def slices_missing(random: Random, study: Study, folder: Path) -> None:
    for _ in range(random.randint(1, SLICES - 1)):
        del study[random.randrange(len(study))]
    write_study(study, folder)


def slices_twice(random: Random, study: Study, folder: Path) -> None:
    for _ in range(random.randint(1, 4)):
        again = copy.deepcopy(random.choice(study))
        if random.random() < 0.5:
            again.SOPInstanceUID = generate_uid()
        study.append(again)
    write_study(study, folder)


def positions_conflict(random: Random, study: Study, folder: Path) -> None:
    for dataset in random.sample(study, random.randint(1, 3)):
        dataset.ImagePositionPatient = random.choice(
            ([0, 0, 0], [1e6, 0, 0], list(study[0].ImagePositionPatient), [float(random.randrange(99)), -100, 150])
        )
    write_study(study, folder)


def orientations_conflict(random: Random, study: Study, folder: Path) -> None:
    for dataset in random.sample(study, random.randint(1, SLICES)):
        dataset.ImageOrientationPatient = random.choice(
            ([1, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0], [0, 5, 0, 0, 0, -5], [0, 1, 0, 0, 0.1, -1])
        )
    write_study(study, folder)


def sizes_conflict(random: Random, study: Study, folder: Path) -> None:
    dataset = random.choice(study)
    dataset.Rows, dataset.Columns = random.choice(((20, 32), (40, 16), (32, 40), (1, 1)))
    dataset.PixelData = bytes(2 * dataset.Rows * dataset.Columns)
    write_study(study, folder)


def series_mixed(random: Random, study: Study, folder: Path) -> None:
    for dataset in random.sample(study, 3):
        dataset.SeriesInstanceUID = random.choice(("1.2.3", "", "9.9"))
        dataset.SeriesNumber = random.choice((1, 2, -5, 2**31 - 1))
    write_study(study, folder)


def tags_missing(random: Random, study: Study, folder: Path) -> None:
    lost = [element.tag for element in study[0] if random.random() < 0.15]
    for dataset in study if random.random() < 0.7 else study[:1]:
        for tag in lost:
            dataset.pop(tag, None)
    write_study(study, folder)


def numbers_wrong(random: Random, study: Study, folder: Path) -> None:
    """Tags with values no image has, written raw: pydicom would refuse to."""
    names = random.sample(FIELDS + TEXTS, random.randint(1, 2))
    for dataset in study if random.random() < 0.7 else study[:1]:
        for name in names:
            if name in FIELDS and name != "NumberOfFrames":
                setattr(dataset, name, random.choice((0, 1, 7, 8, 12, 32, 255, 65535)))
            else:
                text = random.choice(NUMBER_TEXTS)
                setattr(dataset, name, text.split("\\") if "\\" in text else text)
    write_study(study, folder)


def texts_garbled(random: Random, study: Study, folder: Path) -> None:
    """Bytes of numbers replaced by other characters, in the written files."""
    write_study(study, folder)
    for path in sorted(folder.iterdir())[: random.randint(1, SLICES)]:
        content = path.read_bytes()
        old = random.choice((b"5\\5", b"0.0\\1.0", b"-100.0", b"150.0", b"3000", b"SE"))
        path.write_bytes(content.replace(old, bytes(random.choice(b"-.e\\^*\xffNa") for _ in old)))


def other_syntax(random: Random, study: Study, folder: Path) -> None:
    """Compressed syntaxes: true ones, ones that are only claimed, and an unknown one."""
    claimed = random.choice(
        (JPEG2000Lossless, JPEGBaseline8Bit, RLELossless, ImplicitVRLittleEndian, ExplicitVRBigEndian, "1.2.3.4.5")
    )
    really = claimed == RLELossless and random.random() < 0.6
    for dataset in study if random.random() < 0.7 else study[:2]:
        if really:
            dataset.compress(RLELossless)
            continue
        if claimed in (JPEG2000Lossless, JPEGBaseline8Bit, RLELossless):
            frame = random.choice((b"\xff\x4f\xff\x51" + random.randbytes(60), b"\xff\xd8\xff\xd9", random.randbytes(100), b""))
            dataset.PixelData = encapsulate([frame or b"\0\0"])
            dataset["PixelData"].VR = "OB"
            dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = claimed
    folder.mkdir(parents=True, exist_ok=True)
    for number, dataset in enumerate(study):
        implicit = dataset.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
        big = dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian
        fresh = Dataset()
        fresh.update(dataset)
        fresh.file_meta = dataset.file_meta
        fresh.save_as(folder / f"IM{number:04d}.dcm", implicit_vr=implicit, little_endian=not big, enforce_file_format=False)


def multi_frame(random: Random, _study: Study, folder: Path) -> None:
    """One enhanced object, with frames that miss, are too many, or lack their geometry."""
    dataset = enhanced_dataset(Series(slices=SLICES, uid="1.2.826.5", pixel_mm=(5.0, 5.0)), reverse=random.random() < 0.3)
    groups = dataset.PerFrameFunctionalGroupsSequence
    change = random.randrange(6)
    if change == 0:
        dataset.NumberOfFrames = random.choice((0, 1, 5, 7, 10000, 2**31 - 1))
    elif change == 1:
        del groups[random.randrange(SLICES)]
    elif change == 2:
        del dataset.SharedFunctionalGroupsSequence
    elif change == 3:
        del groups[random.randrange(SLICES)].PlanePositionSequence
    elif change == 4:
        groups[2].PlanePositionSequence[0].ImagePositionPatient = [1e5, 0, 0]
    else:
        del dataset.NumberOfFrames
    write_study([dataset], folder)


def private_tags(random: Random, study: Study, folder: Path) -> None:
    """Private tags, long, nested, without their creator, with unknown kinds."""
    for dataset in study:
        block = dataset.private_block(0x0029, "SOMEBODY'S HEADER", create=True)
        block.add_new(0x10, "OB", random.randbytes(random.choice((0, 100, 200000))))
        item = Dataset()
        item.private_block(0x0031, "INSIDE", create=True).add_new(0x01, "LO", "x" * 60)
        for _ in range(random.choice((1, 30))):
            outer = Dataset()
            outer.ReferencedImageSequence = Sequence([item])
            item = outer
        dataset.ReferencedImageSequence = Sequence([item])
        dataset.add_new((0x0029, 0x4444), "UN", b"\xff\xfe" * 20)
    write_study(study, folder)


def nested(random: Random, study: Study, folder: Path) -> None:
    """Folders in folders, one slice in each, links back to the top, hidden files, other files."""
    for number, dataset in enumerate(study):
        place = folder.joinpath(*[f"d{level}" for level in range(number * random.randint(0, 5))])
        write_study([dataset], place)
    (folder / "DICOMDIR").write_bytes(random.randbytes(300))
    (folder / ".hidden.dcm").write_bytes(b"\0" * 128 + b"DICM")
    (folder / "notes.txt").write_text("see attached", encoding="utf-8")
    deepest = max((Path(root) for root, _, _ in os.walk(folder)), key=lambda path: len(path.parts))
    (deepest / "back").symlink_to(folder, target_is_directory=True)
    (deepest / "self.dcm").symlink_to(deepest / "self.dcm")


def strange_entries(random: Random, study: Study, folder: Path) -> None:
    """Named pipes, endless devices, links to nothing and folders named as images between the slices."""
    write_study(study, folder)
    os.mkfifo(folder / "IM0000a.dcm")
    (folder / "IM0002a.dcm").symlink_to("/dev/zero")
    (folder / "IM0003a.dcm").symlink_to(folder / "gone.dcm")
    (folder / "IM0004a.dcm").mkdir()
    if random.random() < 0.5:
        for number in range(300):
            (folder / f"empty{number:04d}").touch()


def bytes_of_a_slice(random: Random, study: Study, folder: Path) -> None:
    """One file, or all of them, damaged as any file may be."""
    write_study(study, folder)
    change = random.choice([BYTE_CHANGES[name] for name in sorted(BYTE_CHANGES)])
    for path in sorted(folder.iterdir())[: random.choice((1, 3, SLICES))]:
        path.write_bytes(change(random, path.read_bytes()))


def pixels_against_tags(random: Random, study: Study, folder: Path) -> None:
    """Fewer or more pixels than the tags say, or other bits."""
    for dataset in random.sample(study, random.randint(1, SLICES)):
        dataset.PixelData = random.choice(
            (b"\0\0", dataset.PixelData[:-100], dataset.PixelData * 2, np.zeros(1280, np.uint8).tobytes())
        )
    write_study(study, folder)


STUDY_CHANGES: dict[str, StudyChange] = {
    change.__name__.replace("_", " "): change
    for change in (
        slices_missing,
        slices_twice,
        positions_conflict,
        orientations_conflict,
        sizes_conflict,
        series_mixed,
        tags_missing,
        numbers_wrong,
        texts_garbled,
        other_syntax,
        multi_frame,
        private_tags,
        nested,
        strange_entries,
        bytes_of_a_slice,
        pixels_against_tags,
    )
}
