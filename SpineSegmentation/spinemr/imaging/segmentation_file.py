"""``.seg.nrrd``: 3D Slicer's segmentation file, a label map whose header names and colours every segment.

Keys as Slicer 5 writes them (``vtkMRMLSegmentationStorageNode``): ``SegmentN_ID``, ``_Name``, ``_Color``, ``_LabelValue``,
``_Layer``, ``_Extent``, ``_Tags`` (with ``TerminologyEntry``), and ``Segmentation_*`` for the whole.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from spinemr.imaging import door
from spinemr.imaging.anatomy import all_structures
from spinemr.imaging.errors import ImagingWarning, InputError
from spinemr.imaging.itk_files import anonymous, read_header, read_pixels, read_tags, write_pixels
from spinemr.imaging.terminology import Code, Term, term_of
from spinemr.imaging.text_headers import check_nrrd

_CONTEXT = "Segmentation category and type - 3D Slicer General Anatomy list"
_REGIONS = "Anatomic codes - DICOM master list"
_REPRESENTATION = "Binary labelmap"
LABEL_TAG = "SpineMR.Label"
"""The tag that keeps the number a segment was made for: it tells which of name and term somebody changed since."""
_SEGMENT_KEY = re.compile(r"^Segment(\d+)_(\w+)$")

LabelArray = NDArray[np.uint8]


@dataclass(frozen=True)
class _Segment:
    """What a header says about one segment."""

    name: str
    tags: str
    value: int
    layer: int


def write_segmentation(labels: sitk.Image, path: Path) -> None:
    """Write a map of anatomy numbers; only structures that are there become segments."""
    image = anonymous(sitk.Cast(labels, sitk.sitkUInt8))
    values = sitk.GetArrayViewFromImage(image)
    terms = [known_term(int(label)) for label in np.unique(values) if label]
    header = _common(image)
    for index, term in enumerate(terms):
        header |= {f"Segment{index}_{key}": text for key, text in _segment(term, values).items()}
    for key, text in header.items():
        image.SetMetaData(key, text)
    write_pixels(image, path)


def read_segmentation(path: Path) -> sitk.Image:
    """Read segments back as anatomy numbers: by terminology, else by name.

    Segments that are no spine structures are left out with a warning; where none is one, the file's own
    values stay. A map that Slicer cropped comes back on the grid of its reference image.
    """
    check_nrrd(path)
    door.check_header(read_header(path), str(path))
    _, header = read_tags(path, "NrrdImageIO")
    segments = _segments(header)
    image = read_pixels(path)
    layers = sitk.GetArrayFromImage(image)
    layers = layers if image.GetNumberOfComponentsPerPixel() > 1 else layers[..., np.newaxis]
    values = _anatomy_values(layers, segments, path)
    labels = sitk.GetImageFromArray(values)
    labels.CopyInformation(image)
    return _uncropped(labels, header)


def terminology_entry(term: Term) -> str:
    """A term as Slicer stores it: context~category~type~modifier~region context~region~region modifier."""
    parts = [_CONTEXT, _code(term.category), _code(term.type), _code(None), _REGIONS, _code(term.region), _code(None)]
    return "~".join(parts)


def structure_number(name: str, tags: str) -> int | None:
    """The anatomy number of a segment by its term and its name; ``None`` for what is no structure of the spine.

    Where the two contradict each other, the one that was changed since the segment was made holds.
    """
    by_entry, by_name = _known()
    entry, first = _entry(tags), _first_number(tags)
    term = first if first is not None and entry == _entry(_tags(term_of(first))) else by_entry.get(entry)
    named = by_name.get(name.strip().lower())
    if term is None or named is None:
        return term or named
    return named if term == first else term


def known_term(label: int) -> Term:
    """The term of a number in a label map; one that names no structure is refused."""
    try:
        return term_of(label)
    except ValueError:
        raise InputError(
            f"The label map holds {label}, which is not the number of any structure.", "Convert it from its own scheme first."
        ) from None


def segment_tags(term: Term) -> dict[str, str]:
    """The tags of a segment made for a structure."""
    return {"TerminologyEntry": terminology_entry(term), LABEL_TAG: str(term.label)}


def tags_text(tags: Mapping[str, str]) -> str:
    """Tags as one text, as Slicer's files hold them."""
    return "".join(f"{key}:{value}|" for key, value in tags.items())


def _code(code: Code | None) -> str:
    return f"{code.scheme}^{code.value}^{code.meaning}" if code else "^^"


def _common(image: sitk.Image) -> dict[str, str]:
    return {
        "Segmentation_MasterRepresentation": _REPRESENTATION,
        "Segmentation_ContainedRepresentationNames": f"{_REPRESENTATION}|",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
        "Segmentation_ConversionParameters": f"Reference image geometry|{_geometry(image)}|&",
    }


def _geometry(image: sitk.Image) -> str:
    """The grid as Slicer serialises it: index to RAS by rows, then first and last index along each axis."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    matrix[:3, 3] = image.GetOrigin()
    matrix[:2] *= -1
    extent = [bound for size in image.GetSize() for bound in (0, size - 1)]
    return "".join(f"{value!r};" for value in [*(matrix.ravel() + 0.0).tolist(), *extent])


def _segment(term: Term, values: LabelArray) -> dict[str, str]:
    return {
        "ID": f"Segment_{term.label}",
        "Name": term.name,
        "NameAutoGenerated": "0",
        "Color": " ".join(f"{channel / 255:.6g}" for channel in term.colour),
        "ColorAutoGenerated": "0",
        "LabelValue": str(term.label),
        "Layer": "0",
        "Extent": _extent(values == term.label),
        "Tags": _tags(term),
    }


def _extent(mask: NDArray[np.bool_]) -> str:
    """First and last index of a mask along x, y and z."""
    bounds = []
    for axis in (2, 1, 0):
        others = tuple(other for other in range(3) if other != axis)
        places = np.flatnonzero(mask.any(axis=others))
        bounds += [int(places[0]), int(places[-1])]
    return " ".join(map(str, bounds))


def _segments(header: dict[str, str]) -> list[_Segment]:
    fields: dict[int, dict[str, str]] = {}
    for key, text in header.items():
        match = _SEGMENT_KEY.match(key)
        if match:
            fields.setdefault(int(match[1]), {})[match[2]] = text
    return [_segment_of(found, index) for index, found in sorted(fields.items())]


def _segment_of(found: dict[str, str], index: int) -> _Segment:
    # Without a layer or value (files before Slicer 4.11) each segment is a layer of ones.
    layer, value = _whole(found.get("Layer"), index), _whole(found.get("LabelValue"), 1)
    return _Segment(found.get("Name", ""), found.get("Tags", ""), value, layer)


def _whole(text: str | None, missing: int) -> int:
    return int(text) if text and text.strip().lstrip("-").isdigit() else missing


def _anatomy_values(layers: LabelArray, segments: list[_Segment], path: Path) -> LabelArray:
    numbers = [structure_number(segment.name, segment.tags) for segment in segments]
    if not any(numbers):
        return _own_values(layers, path)
    left_out = sum(number is None for number in numbers)
    if left_out:
        _warn(f"{path.name}: {left_out} of {len(segments)} segments are no spine structures and are left out.")
    values = np.zeros(layers.shape[:3], dtype=np.uint8)
    overlap = False
    for segment, number in zip(segments, numbers, strict=True):
        if number is None or segment.layer >= layers.shape[3]:
            continue
        mask = layers[..., segment.layer] == segment.value
        overlap = overlap or bool((values[mask] != 0).any())
        values[mask] = number
    if overlap:
        _warn(f"{path.name}: segments overlap; a later one covers an earlier one.")
    return values


def _own_values(layers: LabelArray, path: Path) -> LabelArray:
    if layers.shape[3] > 1:
        raise InputError(f"{path} holds overlapping segments with unknown names.", "Name them like 'L4 vertebra' in Slicer.")
    _warn(f"{path.name}: no segment is a known spine structure; the file's own values are used.")
    return layers[..., 0]


@cache
def _known() -> tuple[dict[str, int], dict[str, int]]:
    """Anatomy numbers by terminology and by name; a general code that several levels share tells none of them."""
    terms = [term_of(part.label) for part in all_structures()]
    entries = [_entry(_tags(term)) for term in terms]
    by_entry = {entry: term.label for entry, term in zip(entries, terms, strict=True) if entries.count(entry) == 1}
    return by_entry, {term.name.lower(): term.label for term in terms}


def _tags(term: Term) -> str:
    return tags_text(segment_tags(term))


def _entry(tags: str) -> str:
    """The values of type and region codes in a segment's tags: what stays when names of lists change."""
    parts = _tag(tags, "TerminologyEntry").split("~")
    return "/".join("^".join(parts[place].split("^")[:2]) for place in (2, 5)) if len(parts) >= 6 else ""


def _first_number(tags: str) -> int | None:
    number = _whole(_tag(tags, LABEL_TAG), 0)
    return number if number in _known()[1].values() else None


def _tag(tags: str, wanted: str) -> str:
    for tag in tags.split("|"):
        key, _, value = tag.partition(":")
        if key.strip() == wanted:
            return value
    return ""


def _uncropped(labels: sitk.Image, header: dict[str, str]) -> sitk.Image:
    """Pad a map that covers only a part of its reference image."""
    offset = [_whole(text, 0) for text in header.get("Segmentation_ReferenceImageExtentOffset", "").split()]
    match = re.search(r"Reference image geometry\|([^|]*)\|", header.get("Segmentation_ConversionParameters", ""))
    numbers = match[1].strip(";").split(";") if match else []
    if len(offset) != 3 or len(numbers) != 22:
        return labels
    before = [place - _whole(numbers[16 + 2 * axis], 0) for axis, place in enumerate(offset)]
    after = [_whole(numbers[17 + 2 * axis], 0) - (place + labels.GetSize()[axis] - 1) for axis, place in enumerate(offset)]
    if min(before + after) < 0 or max(before + after) == 0:
        return labels
    padded: sitk.Image = sitk.ConstantPad(labels, before, after, 0)
    return padded


def _warn(text: str) -> None:
    warnings.warn(text, ImagingWarning, stacklevel=5)
