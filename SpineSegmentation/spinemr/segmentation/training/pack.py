"""Public sets of labelled lumbar MRI, gathered once into one file that training reads in a moment.

    python -m spinemr.segmentation.training.pack DATA packed.npz

``DATA`` holds the folders ``spider_t2space``, ``spider_t1t2_slices`` and ``t1_midsagittal``; those that are missing are left out.
Each set says what it labels and what it leaves open (:mod:`spinemr.segmentation.classes`), and is split by subject.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from spinemr.imaging.errors import InputError
from spinemr.imaging.geometry import WorkingFrame
from spinemr.imaging.intensity import stretch
from spinemr.segmentation.classes import ANYTHING, CLASS_COUNT, VERTEBRA, WHOLE_CANAL, ByteArray, NetworkClass
from spinemr.segmentation.training.sources import TRAIN, VALIDATION, LabelledSlice, SliceSet, write_packed

SPIDER_VALIDATION = ("005", "065", "110", "141", "191", "220")
"""The subjects of the T2-SPACE set that are never trained on."""

LATERAL_VALIDATION = ("10009", "10014", "10019", "10024", "10029")
"""The subjects of the mixed T1/T2 slices that are never trained on."""

VERTEBRAL_PITCH_MM = 36.0
"""Between the middles of neighbouring lumbar vertebrae, body and disc together; gives slices without a scale one."""

T1_PIXEL_MM = 0.6875
DISC_MARGIN_PIXELS = 2
"""Width of the seam of the geometrically derived discs that is left open on both sides."""

ABOVE_L1_MM = 2.0
UNDIVIDED_SHARE = 0.03
"""A component with less than this share on the other side of the canal's middle is all body, or all posterior elements."""


def spider_t2space(folder: Path) -> SliceSet:
    """31 subjects with vertebrae, discs and canal; codes 1 vertebra, 2 disc, 3 canal, 4 body, 5 posterior elements.

    The two parts are told apart only in slices where the canal lies between them.
    """
    slices: list[LabelledSlice] = []
    for path in sorted(folder.glob("*_image.nii.gz")):
        subject = path.name.split("_")[0]
        image = _working(sitk.ReadImage(str(path)))
        labels = _working(sitk.ReadImage(str(path.with_name(f"{subject}_label.nii.gz"))))
        pixels = _bytes(sitk.GetArrayFromImage(image))
        codes = sitk.GetArrayFromImage(labels).astype(np.uint8)
        split = VALIDATION if subject in SPIDER_VALIDATION else TRAIN
        _, pixel_mm, slice_mm = (float(spacing) for spacing in image.GetSpacing())
        for plane, mask in zip(pixels, codes, strict=True):
            slices.append(LabelledSlice(plane, with_parts(mask), subject, pixel_mm, split, slice_mm=slice_mm))
    sets = _sets(
        NetworkClass.BACKGROUND.bit | NetworkClass.SACRUM.bit,
        VERTEBRA,
        NetworkClass.DISC.bit,
        WHOLE_CANAL,
        NetworkClass.BODY.bit,
        NetworkClass.POSTERIOR.bit,
    )
    return SliceSet("spider_t2space", tuple(slices), sets, ("vertebra", "disc", "canal"))


def spider_t1t2_slices(folder: Path) -> SliceSet:
    """35 slices of 15 subjects, mid and lateral, T1 and T2, with vertebrae only (code 1)."""
    pairs = list(_pictures(folder))
    scale = _pixel_sizes({name: labels for name, _, labels in pairs})
    slices = [
        LabelledSlice(
            _bytes(image),
            (labels > 0).astype(np.uint8),
            _subject(name),
            scale[name],
            VALIDATION if _subject(name) in LATERAL_VALIDATION else TRAIN,
        )
        for name, image, labels in pairs
    ]
    return SliceSet("spider_t1t2_slices", tuple(slices), _sets(ANYTHING & ~VERTEBRA, VERTEBRA), ("vertebra",))


def t1_midsagittal(folder: Path) -> SliceSet:
    """457 mid-sagittal T1 slices with the bodies L1 to L5 (code 1) and S1 (2); derived discs only in their middle (3).

    What lies above L1 and around the derived discs is left open (4).
    """
    slices = []
    for name, image, labels in _pictures(folder):
        split = VALIDATION if name.endswith("7") else TRAIN
        slices.append(LabelledSlice(_bytes(image), _t1_codes(labels), name, T1_PIXEL_MM, split))
    body, sacrum, disc = NetworkClass.BODY.bit, NetworkClass.SACRUM.bit, NetworkClass.DISC.bit
    return SliceSet("t1_midsagittal", tuple(slices), _sets(ANYTHING & ~body, body, sacrum, disc, ANYTHING), ("body",))


SETS: Mapping[str, Callable[[Path], SliceSet]] = {
    "spider_t2space": spider_t2space,
    "spider_t1t2_slices": spider_t1t2_slices,
    "t1_midsagittal": t1_midsagittal,
}


def with_parts(codes: ByteArray) -> ByteArray:
    """Vertebrae (1) as bodies (4) and posterior elements (5) where the canal (3) lies between them, undecided elsewhere."""
    result = codes.copy()
    rows = np.flatnonzero((codes == 3).any(axis=1))
    if rows.size < 0.4 * codes.shape[0]:
        return result
    columns = np.arange(codes.shape[1])
    middles = [float(columns[codes[row] == 3].mean()) for row in rows]
    front = columns < np.interp(np.arange(codes.shape[0]), rows, middles)[:, None]
    components, count = ndimage.label(codes == 1)
    for index, box in enumerate(ndimage.find_objects(components, count), start=1):
        inside = components[box] == index
        share = float(front[box][inside].mean())
        if share > 1 - UNDIVIDED_SHARE:
            result[box][inside] = 4
        elif share < UNDIVIDED_SHARE:
            result[box][inside] = 5
    return result


def _t1_codes(labels: ByteArray) -> ByteArray:
    codes = np.zeros(labels.shape, np.uint8)
    discs = (labels >= 11) & (labels <= 15)
    codes[ndimage.binary_dilation(discs, iterations=DISC_MARGIN_PIXELS)] = 4
    codes[(labels >= 1) & (labels <= 5)] = 1
    codes[labels == 6] = 2
    codes[ndimage.binary_erosion(discs, iterations=DISC_MARGIN_PIXELS)] = 3
    first = np.flatnonzero((labels == 1).any(axis=1))
    if first.size:
        above = codes[: max(0, int(first[0]) - round(ABOVE_L1_MM / T1_PIXEL_MM))]
        above[above == 0] = 4
    return codes


def _sets(*of_codes: int) -> ByteArray:
    table = np.full(256, (1 << CLASS_COUNT) - 1, np.uint8)
    table[: len(of_codes)] = of_codes
    return table


def _working(image: sitk.Image) -> sitk.Image:
    return WorkingFrame.of(image).forward(image)


def _bytes(image: ByteArray) -> ByteArray:
    return np.rint(stretch(image, 0.5, 99.5, 255.0)).astype(np.uint8)


def _pictures(folder: Path) -> Iterator[tuple[str, ByteArray, ByteArray]]:
    """Name, image and labels of each pair of ``images`` and ``labels``."""
    for path in sorted((folder / "images").glob("*.png")):
        label = folder / "labels" / path.name
        if label.is_file():
            yield path.stem, _picture(path), _picture(label)


def _picture(path: Path) -> ByteArray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path))).astype(np.uint8)


def _subject(name: str) -> str:
    return name.split("_")[0]


def _pixel_sizes(labels: Mapping[str, ByteArray]) -> dict[str, float]:
    """The pixel size of each slice, by the pitch of the vertebrae of its subject; of the others by their height."""
    pitches: dict[str, list[float]] = {}
    for name, mask in labels.items():
        pitches.setdefault(_subject(name), []).extend(_pitches(mask))
    known = {subject: VERTEBRAL_PITCH_MM / float(np.median(found)) for subject, found in pitches.items() if len(found) >= 3}
    heights = [known[_subject(name)] * mask.shape[0] for name, mask in labels.items() if _subject(name) in known]
    height_mm = float(np.median(heights)) if heights else 300.0
    return {name: known.get(_subject(name), height_mm / mask.shape[0]) for name, mask in labels.items()}


def _pitches(mask: ByteArray) -> list[float]:
    present = [int(label) for label in np.unique(mask) if label]
    centres = np.array(ndimage.center_of_mass(mask > 0, mask, present)) if present else np.zeros((0, 2))
    steps = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    return [float(s) for s, a, b in zip(steps, present[:-1], present[1:], strict=True) if b == a + 1]


def pack(data: Path, target: Path) -> tuple[SliceSet, ...]:
    """Gather what there is of the known sets below ``data`` into one file."""
    sets = tuple(read(data / name) for name, read in SETS.items() if (data / name).is_dir())
    if not sets or not all(found.slices for found in sets):
        raise InputError(f"None of the known sets lies in {data}.", f"Expected a folder with: {', '.join(SETS)}.")
    write_packed(sets, target)
    return sets


def main() -> int:
    """Pack, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    for found in pack(arguments.data, arguments.target):
        held = found.only(VALIDATION)
        sys.stdout.write(
            f"{found.name}: {len(found.slices)} slices of {len(found.subjects)} subjects, "
            f"for validation {len(held.slices)} of {len(held.subjects)}\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
