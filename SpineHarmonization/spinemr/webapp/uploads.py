"""Files that a browser sends: kept under names of their own, so that no name of a patient comes onto the disk."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

from spinemr.imaging.errors import InputError
from spinemr.imaging.model_card import CARD_SUFFIX, ModelCard

VOLUMES = (".nii.gz", ".nii", ".nrrd", ".mha")
_HEADERS = (".mhd", ".nhdr")
_ENDINGS = (*VOLUMES, *_HEADERS, ".raw", ".zraw", ".dcm", ".zip", CARD_SUFFIX, ".json", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
_PIECE = 1 << 20
_DATA_FILE = re.compile(rb"^(\s*(?:ElementDataFile\s*=|data\s*file\s*:)\s*)(.+?)\s*$", re.IGNORECASE | re.MULTILINE)
"""The line of a header that names the file its voxels lie in."""
MAX_FILES = 20000


class Received:
    """A folder that files of one study come into."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder, self._limit_bytes = folder, limit_bytes
        self._size = 0
        self._named: dict[str, str] = {}
        """Names on the disk by the names files came with."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    async def take(self, part: Any) -> None:  # noqa: ANN401 - a part of a form
        """Keep one part of a form."""
        with self._new(part.filename or "").open("wb") as file:
            while piece := await part.read_chunk(_PIECE):
                self._count(len(piece))
                file.write(piece)

    def image(self) -> Path:
        """What to read: the only file, the header of two, or the folder of many; archives are unpacked."""
        files = self._files()
        headers = [path for path in files if path.name.endswith(_HEADERS)]
        if len(headers) == 1:
            self._point_to_renamed(headers[0])
            return headers[0]
        volumes = [path for path in files if path.name.endswith(VOLUMES)]
        if len(volumes) > 1:
            raise InputError(f"{len(volumes)} images were sent.", "Open one at a time.")
        return volumes[0] if volumes else files[0] if len(files) == 1 else self._folder

    def reference(self) -> Path:
        """What to harmonize to: the card of a network, a fitted method, an image, or the folder of several."""
        files = self._files()
        cards = [path for path in files if path.name.endswith(CARD_SUFFIX)]
        if cards:
            self._give_back_names(cards[0])
            return cards[0]
        fitted = [path for path in files if path.suffix == ".json"]
        if len(files) == len(fitted) == 1:
            return fitted[0]
        volumes = [path for path in files if path.name.endswith(VOLUMES)]
        return self._folder if len(volumes) > 1 else self.image()

    def _files(self) -> list[Path]:
        for archive in [path for path in self._folder.iterdir() if path.suffix == ".zip"]:
            self._unpack(archive)
        files = sorted(path for path in self._folder.iterdir() if path.is_file())
        if not files:
            raise InputError("There are no files in what was sent.", "Choose an image, a DICOM folder or a zip of one.")
        return files

    def _give_back_names(self, card: Path) -> None:
        """A card knows the files of its network by their names."""
        for file in ModelCard.read(card).files:
            own = self._named.get(file.path)
            if own is None:
                raise InputError(f"The card names {file.path}, which was not sent.", "Send the card and its files together.")
            (self._folder / own).rename(self._folder / file.path)

    def _new(self, name: str) -> Path:
        if len(self._named) >= MAX_FILES:
            raise InputError(f"More than {MAX_FILES} files were sent.", "Send one study.")
        base = PurePosixPath(name.replace("\\", "/")).name
        ending = next((end for end in _ENDINGS if base.lower().endswith(end)), "")
        own = f"{len(self._named):05d}{ending}"
        self._named[base if base not in self._named else f"{base}#{len(self._named)}"] = own
        return self._folder / own

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > self._limit_bytes:
            limit = self._limit_bytes >> 20
            raise InputError(f"What was sent is larger than {limit} MB.", "Send one series, or raise the limit (--upload-limit).")

    def _unpack(self, archive: Path) -> None:
        try:
            with zipfile.ZipFile(archive) as content:
                for entry in content.infolist():
                    base = PurePosixPath(entry.filename.replace("\\", "/")).name
                    if entry.is_dir() or not base or base.startswith(".") or "__MACOSX" in entry.filename:
                        continue
                    self._unpack_one(content, entry, base)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
            raise InputError("The zip file is damaged or needs a password.", "Pack it again without one.") from error
        finally:
            archive.unlink()

    def _unpack_one(self, content: zipfile.ZipFile, entry: zipfile.ZipInfo, base: str) -> None:
        with content.open(entry) as source, self._new(base).open("wb") as target:
            while piece := source.read(_PIECE):
                self._count(len(piece))
                target.write(piece)

    def _point_to_renamed(self, header: Path) -> None:
        """Let a header name the file of its voxels as it is called here."""
        text = header.read_bytes()[: 1 << 20]
        found = _DATA_FILE.search(text)
        name = found.group(2).decode("utf-8", "replace") if found else ""
        if found is None or name.upper() == "LOCAL":
            return
        own = self._named.get(PurePosixPath(name.replace("\\", "/")).name)
        if own is None:
            raise InputError("The header names a file that was not sent.", "Send the header and its data together.")
        header.write_bytes(text[: found.start(2)] + own.encode() + text[found.end(2) :])
