"""The one place that lets ITK touch files: headers before pixels, no console noise, no C++ text for users."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from spinemr.imaging.errors import InputError, OutputError

_lock = threading.RLock()
_BYTES = {
    sitk.sitkInt8: 1, sitk.sitkUInt8: 1, sitk.sitkVectorUInt8: 1, sitk.sitkInt16: 2, sitk.sitkUInt16: 2, sitk.sitkVectorUInt16: 2,
    sitk.sitkInt32: 4, sitk.sitkUInt32: 4, sitk.sitkFloat32: 4, sitk.sitkVectorFloat32: 4,
}  # fmt: skip
_COMPLEX = (sitk.sitkComplexFloat32, sitk.sitkComplexFloat64)


@dataclass(frozen=True)
class ImageHeader:
    """What a file says about its image before any pixel is read."""

    size: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    direction: tuple[float, ...]
    components: int
    pixel_id: int

    @property
    def is_complex(self) -> bool:
        """Whether pixels are complex numbers (raw MR data, not an image)."""
        return self.pixel_id in _COMPLEX

    @property
    def voxel_bytes(self) -> int:
        """Memory of one number; eight for types that are seldom met."""
        return _BYTES.get(self.pixel_id, 8)

    @property
    def voxels(self) -> int:
        """How many numbers the image holds."""
        count = self.components
        for extent in self.size:
            count *= extent
        return count


def read_header(path: Path, image_io: str = "") -> ImageHeader:
    """Read size, spacing and pixel type; raises :class:`InputError` for what ITK cannot make out."""
    reader = _reader(path, image_io)
    with _calm(path):
        reader.ReadImageInformation()
    return _header(reader)


def read_tags(path: Path, image_io: str = "GDCMImageIO") -> tuple[ImageHeader, dict[str, str]]:
    """Header and metadata of a file (DICOM tags as "0028|0010"), for the reader's own use only."""
    reader = _reader(path, image_io)
    with _calm(path):
        reader.ReadImageInformation()
        tags = {key: reader.GetMetaData(key).strip(" \0") for key in _nameable(reader.GetMetaDataKeys())}
    return _header(reader), tags


def read_pixels(path: Path, image_io: str = "", name: str = "") -> sitk.Image:
    """Read the image; extra axes of length one are dropped, metadata that could name a patient too.

    ``name`` stands for the file in messages where the user did not name the file itself.
    """
    reader = _reader(path, image_io)
    with _calm(name or path):
        reader.ReadImageInformation()
        size = reader.GetSize()
        if len(size) > 3:
            reader.SetExtractSize([*size[:3], *[0] * (len(size) - 3)])
        return anonymous(reader.Execute())


def read_stack(paths: list[Path], name: str) -> sitk.Image:
    """Read DICOM slices, in the order given, as one volume."""
    reader = sitk.ImageSeriesReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileNames([spelled(path) for path in paths])
    with _calm(name):
        return anonymous(reader.Execute())


def write_pixels(image: sitk.Image, path: Path) -> None:
    """Write an image, compressed, with exactly the metadata it carries."""
    writer = sitk.ImageFileWriter()
    writer.SetFileName(spelled(path))
    writer.UseCompressionOn()
    with quiet_console(), _lock:
        try:
            writer.Execute(image)
        except RuntimeError:
            raise _write_failure(path) from None


def anonymous(image: sitk.Image) -> sitk.Image:
    """The same image with an empty metadata dictionary: names hide in comments, tags and descriptions."""
    keys = image.GetMetaDataKeys()
    for key in _nameable(keys):
        image.EraseMetaData(key)
    return image if len(_nameable(keys)) == len(keys) else _copied(image)


def _nameable(keys: Iterable[str]) -> list[str]:
    """The keys that can be handed back to ITK: bytes that are no UTF-8 come out of a damaged header, but not in again."""
    return [key for key in keys if key.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in key)]


def _copied(image: sitk.Image) -> sitk.Image:
    """The pixels and the grid alone."""
    vector = image.GetNumberOfComponentsPerPixel() > 1
    copied = sitk.GetImageFromArray(sitk.GetArrayViewFromImage(image), isVector=vector)
    copied.CopyInformation(image)
    return copied


@contextmanager
def permissive_orientation() -> Iterator[None]:
    """Let ITK read a NIfTI whose orientation matrix is slightly skewed; the caller sets the direction itself."""
    name = "ITK_NIFTI_SFORM_PERMISSIVE"
    with _lock:
        before = os.environ.get(name)
        os.environ[name] = "YES"
        try:
            yield
        finally:
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before


@contextmanager
def quiet_console() -> Iterator[None]:
    """Keep what C and C++ libraries print on standard error off the user's screen."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with _lock, _redirected_stderr():
            yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


@contextmanager
def _redirected_stderr() -> Iterator[None]:
    # MetaIO, libjpeg and GDCM print to the file descriptor, past Python and past ITK's own switch.
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
        saved = os.dup(2)
    except (OSError, ValueError):  # no console at all: a window application
        yield
        return
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(silence)
        os.close(saved)


@contextmanager
def _calm(name: Path | str) -> Iterator[None]:
    with quiet_console():
        try:
            yield
        except MemoryError:
            raise InputError(f"There is not enough memory to read {name}.", "Crop the image first.") from None
        except RuntimeError:
            raise InputError(
                f"Cannot read {name}: it is damaged, incomplete or not what its name says.", "Export or copy it again."
            ) from None


def _reader(path: Path, image_io: str) -> sitk.ImageFileReader:
    reader = sitk.ImageFileReader()
    reader.SetFileName(spelled(path))
    if image_io:
        reader.SetImageIO(image_io)
    return reader


def spelled(path: Path) -> str:
    """The path as ITK takes it: bytes that are no UTF-8, which file systems allow, would end the whole process."""
    name = str(path)
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"The name {path} has characters that are no UTF-8.", "Rename the file or its folder.") from None
    return name


def _header(reader: sitk.ImageFileReader) -> ImageHeader:
    return ImageHeader(
        reader.GetSize(), reader.GetSpacing(), reader.GetDirection(), reader.GetNumberOfComponents(), reader.GetPixelIDValue()
    )


def _write_failure(path: Path) -> OSError | OutputError:
    """ITK hides the system's reason; trying the same place again brings it out."""
    try:
        probe = path.with_name(path.name + ".probe")
        with probe.open("wb") as file:
            file.write(b"\0" * 4096)
        probe.unlink()
    except OSError as reason:
        return reason
    return OutputError("The image cannot be written: this format does not hold values of its type.", "Write .nii.gz or .nrrd.")
