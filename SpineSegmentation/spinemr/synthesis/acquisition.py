"""One anatomy through one simulated scanner: from tissues on a grid to the numbers a scanner stores.

Order, as in a scanner: signal by tissue, partial volume and slice profile, displaced fat, flowing CSF,
presaturation, coil and bias, k-space (resolution, ringing, complex noise), magnitude, coil correction, gain.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import find_objects

from spinemr.synthesis.fields import smooth_noise
from spinemr.synthesis.kspace import displaced, from_kspace, kspace_window, to_kspace
from spinemr.synthesis.protocols import TissueSignals, tissue_signals
from spinemr.synthesis.scanners import Scanner
from spinemr.synthesis.tissue_map import ByteArray, FloatArray, TissueMap
from spinemr.synthesis.tissues import TISSUES

REFERENCE_TISSUES = ("marrow", "muscle", "csf", "disc_nucleus_II", "subcutaneous_fat", "cord")
"""Their mean signal at the spine is what a scanner's signal-to-noise ratio refers to."""

PRESATURATION_MARGIN_MM = (8.0, 30.0)
PRESATURATION_RAMP_MM = 16.0
SPINE_DEPTH_SHARE = 0.6
"""Where the spine lies between the front (0) and the back (1) of the image when no label says."""


def acquire(tissue_map: TissueMap, scanner: Scanner, rng: np.random.Generator) -> FloatArray:
    """Image an anatomy: (slices, rows, columns) of whole numbers from 0 to the scanner's maximum.

    The map lies on the grid of the final slices already; the scanner adds everything else. The same
    generator state gives the same image.
    """
    image = ideal_image(tissue_map, scanner)
    if scanner.csf_flow > 0:
        _flow_in_csf(image, tissue_map, scanner, rng)
    if scanner.presaturation > 0:
        image *= _presaturation(tissue_map, scanner, rng)
    profile, correction = _coil(tissue_map, scanner, image.shape, rng)
    image *= profile
    image = _sampled(image, scanner, reference_signal(scanner) / scanner.snr, rng)
    if correction is not None:
        image *= correction
    return _stored(image, scanner)


def ideal_image(tissue_map: TissueMap, scanner: Scanner) -> FloatArray:
    """Contrast, partial volume, slice profile and displaced fat alone: what a perfect receiver would see.

    Signed for an inversion recovery.
    """
    signals = tissue_signals(tissue_map.tissues, scanner.protocol, scanner.tesla)
    shift = scanner.protocol.fat_displacement_px(scanner.tesla)
    if abs(shift) < 0.25 or not signals.fat.any():
        return over_slices(tissue_map.paint(signals.total), tissue_map.sub_slices)
    return _with_displaced_fat(tissue_map, signals, shift, scanner.protocol.frequency_axis)


def over_slices(image: FloatArray, sub_slices: int) -> FloatArray:
    """Average the sub-slices of each slice over the pulse profile: ``cos^2`` over 1.3 of the slice's extent."""
    if sub_slices == 1:
        return image
    position = (np.arange(sub_slices) + 0.5) / sub_slices - 0.5
    weights = np.cos(np.pi * position / 1.3) ** 2
    weights = (weights / weights.sum()).astype(np.float32)
    stack = image.reshape(-1, sub_slices, *image.shape[1:])
    result: FloatArray = stack[:, 0] * weights[0]
    for index in range(1, sub_slices):
        result += stack[:, index] * weights[index]
    return result


def reference_signal(scanner: Scanner) -> float:
    """The mean magnitude of the common tissues in the scanner's protocol."""
    tissues = [TISSUES[name] for name in REFERENCE_TISSUES]
    return float(np.mean(np.abs(tissue_signals(tissues, scanner.protocol, scanner.tesla).total)))


def _with_displaced_fat(tissue_map: TissueMap, signals: TissueSignals, shift: float, axis: int) -> FloatArray:
    """Water where it is, fat moved along the frequency axis: bright and dark rims at end plates and kidneys."""
    image = over_slices(tissue_map.paint(signals.water), tissue_map.sub_slices)
    image += displaced(over_slices(tissue_map.paint(signals.fat), tissue_map.sub_slices), shift, axis)
    return image


def _flow_in_csf(image: FloatArray, tissue_map: TissueMap, scanner: Scanner, rng: np.random.Generator) -> None:
    """Cut pulsation voids into the CSF, in place: smooth dark patches, longer along the canal than across it."""
    fluid = _middle_of_slices(tissue_map, "csf")
    box = find_objects(fluid)
    if not box:
        return
    window = box[0]
    slices, height, width = fluid[window].shape
    _, row_mm, column_mm = tissue_map.spacing_mm
    nodes = (min(slices, 12), max(2, round(height * row_mm / 14)), max(2, round(width * column_mm / 6)))
    patches = np.clip(smooth_noise((slices, height, width), nodes, rng), 0, 2)
    patches *= np.float32(-scanner.csf_flow / 2)
    patches *= fluid[window]
    patches += 1
    image[window] *= patches


def _middle_of_slices(tissue_map: TissueMap, tissue: str) -> ByteArray:
    """One where a tissue prevails in the central plane of a slice, zero elsewhere."""
    middle = slice(tissue_map.sub_slices // 2, None, tissue_map.sub_slices)
    wanted = np.array([candidate.name == tissue for candidate in tissue_map.tissues], dtype=np.uint8)
    prevailing = np.where(tissue_map.mix[middle] > 0.5, tissue_map.over[middle], tissue_map.under[middle])
    return wanted[prevailing]


def _presaturation(tissue_map: TissueMap, scanner: Scanner, rng: np.random.Generator) -> FloatArray:
    """The band a radiographer lays over the abdomen, parallel to the front of the spine: a factor by pixel."""
    labels = tissue_map.labels[tissue_map.sub_slices // 2 :: tissue_map.sub_slices]
    pixel = tissue_map.spacing_mm[2]
    edge = _spine_front(labels) - np.float32(rng.uniform(*PRESATURATION_MARGIN_MM) / pixel)
    columns = np.arange(labels.shape[2], dtype=np.float32)
    distance = (columns[None, :] - edge[:, None]) * np.float32(pixel / PRESATURATION_RAMP_MM)
    passed = np.clip(0.5 + 0.5 * distance, 0, 1)
    share = np.float32(scanner.presaturation)
    return np.asarray(1 - share + share * passed * passed * (3 - 2 * passed), dtype=np.float32)


def _spine_front(labels: ByteArray) -> FloatArray:
    """The column of the spine's front, a straight line down the rows, from the labels in any slice."""
    present = labels.max(axis=0) > 0
    rows = np.flatnonzero(present.max(axis=1))
    everywhere = np.arange(labels.shape[1])
    if rows.size < 2:
        return np.full(everywhere.shape, labels.shape[2] * (SPINE_DEPTH_SHARE - 0.15), dtype=np.float32)
    first = present[rows].argmax(axis=1)
    slope, offset = np.polyfit(rows, first, 1)
    line = slope * everywhere + offset
    return np.asarray(line + min(0.0, float(np.percentile(first - line[rows], 10))), dtype=np.float32)


def _coil(
    tissue_map: TissueMap, scanner: Scanner, shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[FloatArray, FloatArray | None]:
    """Receive profile (one at the depth of the spine) and the correction a reconstruction applies to it.

    The profile is ``exp`` of a field that is blown up from 4^3 random nodes plus the fall-off in front of a
    posterior array and beyond its two ends, so both cost one small product.
    """
    coil = scanner.coil
    slices, rows, columns = shape
    volume = (slices, rows, columns)
    fall = _fall_off(columns, tissue_map.spacing_mm[2], coil.depth_mm, rng)
    ends = np.float32(-coil.end_drop * rng.uniform(0.5, 1.3)) * np.linspace(-1, 1, rows, dtype=np.float32) ** 4
    field = smooth_noise(volume, (4, 4, 4), rng)
    field *= np.float32(coil.bias_sigma)
    array = ends[:, None] + fall[None, :]
    field += array
    profile = np.exp(field, out=field)
    if coil.corrected <= 0:
        return profile, None
    return profile, np.exp(array * np.float32(-coil.corrected))


def _fall_off(columns: int, pixel_mm: float, depth_mm: float, rng: np.random.Generator) -> FloatArray:
    """Logarithm of the array's sensitivity by column: it falls from the back to the front, slower when far."""
    spine = columns * pixel_mm * (SPINE_DEPTH_SHARE + float(rng.uniform(-0.05, 0.05)))
    ahead = spine - np.arange(columns, dtype=np.float32) * np.float32(pixel_mm)
    return np.asarray(-ahead / (depth_mm + 0.25 * np.abs(ahead)), dtype=np.float32)


def _sampled(image: FloatArray, scanner: Scanner, sigma: float, rng: np.random.Generator) -> FloatArray:
    """Through k-space and back: point spread, complex noise filtered with the image, magnitude (Rician)."""
    slices, rows, columns = image.shape
    window = kspace_window(rows, columns, scanner.point_spread, 3 - scanner.protocol.frequency_axis)
    result = np.empty_like(image)
    scale = np.float32(sigma / np.sqrt(2))
    for index in range(slices):
        spectrum = to_kspace(image[index])
        noise = rng.standard_normal((2, *spectrum.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
        noise *= scale
        spectrum += noise[0]
        spectrum *= window
        imaginary = noise[1] * window
        np.hypot(from_kspace(spectrum, rows, columns), from_kspace(imaginary, rows, columns), out=result[index])
    return result


def _stored(image: FloatArray, scanner: Scanner) -> FloatArray:
    """Gain, curve and rounding: the 99th percentile fills its share of the range, brighter values are bent."""
    output = scanner.output
    bright = float(np.percentile(image[:, ::4, ::4], 99))
    image *= np.float32(1 / max(bright, 1e-30))
    if output.gamma != 1:
        np.power(image, np.float32(output.gamma), out=image)
    image *= np.float32(output.fill)
    knee = np.float32(0.85)
    above = image > knee
    image[above] = knee + (1 - knee) * -np.expm1(-(image[above] - knee) / (1 - knee))
    image *= np.float32(output.maximum)
    return np.rint(image, out=image)
