"""Files of a browser: kept under names of their own, unpacked within bounds, refused in a sentence."""

from __future__ import annotations

import asyncio
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.harmonization.inference.reference import references_in
from spinemr.imaging.errors import InputError
from spinemr.imaging.files import read_image
from spinemr.webapp.uploads import Received

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "harmonization"))

from network_files import identity, write_model

LIMIT = 1 << 20


class Part:
    """A part of a form as aiohttp gives it."""

    def __init__(self, name: str, content: bytes) -> None:
        self.filename, self._content = name, io.BytesIO(content)

    async def read_chunk(self, size: int) -> bytes:
        return self._content.read(size)


def received(folder, *files: tuple[str, bytes], limit: int = LIMIT) -> Received:
    kept = Received(folder / "sent", limit)
    for name, content in files:
        asyncio.run(kept.take(Part(name, content)))
    return kept


def zipped(*files: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return packed.getvalue()


def test_names_of_files_never_reach_the_disk(tmp_path):
    image = received(tmp_path, ("Doe^Jane/DOE_JANE.nii.gz", b"x")).image()
    assert image.name == "00000.nii.gz" and image.read_bytes() == b"x"
    assert [path.name for path in tmp_path.rglob("*")] == ["sent", "00000.nii.gz"]


def test_many_files_without_a_volume_are_a_folder(tmp_path):
    image = received(tmp_path, ("IM1", b"1"), ("IM2.dcm", b"2")).image()
    assert image == tmp_path / "sent"
    assert sorted(path.name for path in image.iterdir()) == ["00000", "00001.dcm"]


def test_a_zip_is_unpacked_flat_without_what_systems_add(tmp_path):
    ours = (("DOE/a/IM1", b"1"), ("DOE/b/IM1", b"2"), ("../../up", b"5"))
    archive = zipped(*ours, ("__MACOSX/._IM1", b"3"), ("DOE/.DS_Store", b"4"))
    folder = received(tmp_path, ("DOE.zip", archive)).image()
    assert sorted(path.read_bytes() for path in folder.iterdir()) == [b"1", b"2", b"5"]
    assert not (tmp_path.parent / "up").exists() and not [path for path in folder.iterdir() if path.suffix == ".zip"]


def test_a_header_finds_its_data_under_the_new_name(tmp_path):
    values = np.arange(24 * 24 * 3, dtype=np.int16).reshape(3, 24, 24)
    sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / "Doe.mhd"))
    files = [(path.name, path.read_bytes()) for path in sorted(tmp_path.glob("Doe*"))]
    image = received(tmp_path, *files).image()
    assert b"Doe" not in image.read_bytes()
    assert (sitk.GetArrayFromImage(read_image(image)) == values).all()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ((), "no files"),
        ((("a.zip", b"no zip"),), "damaged"),
        ((("a.zip", zipped()),), "no files"),
        ((("a.nii", b"1"), ("b.nii.gz", b"2")), "one at a time"),
        ((("a.mhd", b"NDims = 3\nElementDataFile = a.raw\n"),), "was not sent"),
    ],
)
def test_what_cannot_be_an_image_is_refused(tmp_path, files, said):
    with pytest.raises(InputError) as refusal:
        received(tmp_path, *files).image()
    assert said in str(refusal.value) and str(tmp_path) not in str(refusal.value)


def test_a_reference_is_one_image_a_folder_of_several_or_a_fitted_method(tmp_path):
    assert received(tmp_path, ("DOE.nii.gz", b"1")).reference().name == "00000.nii.gz"
    assert received(tmp_path, ("fit.json", b"{}")).reference().name == "00000.json"
    assert received(tmp_path, ("a.nii.gz", b"1"), ("b.nrrd", b"2"), ("a.json", b"{}")).reference() == tmp_path / "sent"
    with pytest.raises(InputError, match="no files"):
        received(tmp_path).reference()


def test_the_card_of_a_network_finds_its_files_under_the_names_it_knows(tmp_path):
    card = write_model(tmp_path / "own", "ours", identity())
    files = [(path.name, path.read_bytes()) for path in sorted(card.parent.iterdir())]
    found = received(tmp_path, *files).reference()
    assert [one.name for one in references_in(found)] == ["ours/reference"]
    assert (found.parent / "ours.onnx").read_bytes() == identity()
    with pytest.raises(InputError, match="was not sent"):
        received(tmp_path, (card.name, card.read_bytes())).reference()


def test_what_is_too_large_is_refused_packed_and_unpacked(tmp_path):
    with pytest.raises(InputError, match="larger than 1 MB"):
        received(tmp_path, ("a.nii", bytes(LIMIT + 1)))
    bomb = zipped(("a.nii", bytes(4 * LIMIT)))
    assert len(bomb) < LIMIT / 10
    with pytest.raises(InputError, match="larger than 1 MB"):
        received(tmp_path, ("a.zip", bomb)).image()


def test_a_second_study_replaces_the_first(tmp_path):
    received(tmp_path, ("a.nii", b"1"))
    assert received(tmp_path, ("b.mha", b"2")).image().name == "00000.mha"
    assert len(list((tmp_path / "sent").iterdir())) == 1
