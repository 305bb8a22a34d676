from __future__ import annotations

import base64
import math
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.radiomics.report.contours import label_outlines, level_lines
from spinemr.radiomics.report.display import Display, chosen_slices, fullest_slice
from spinemr.radiomics.report.pictures import Overlay, checkerboard, coloured, outlined, shown_levels, structure_name
from spinemr.radiomics.report.png import data_uri, png_bytes
from spinemr.radiomics.report.weaving import is_second, woven
from spinemr.radiomics.viewing import Viewing

SVG = "{http://www.w3.org/2000/svg}"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, -1.0, 0.0)
SAGITTAL = (0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)


def volume(array, spacing=(1.0, 1.0, 4.0), direction=SAGITTAL):
    image = sitk.GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing(spacing)
    image.SetDirection(direction)
    return image


def area(line):
    x, y = np.array(line).T
    return 0.5 * abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))))


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 3)])
def test_png_is_read_back_by_another_reader(shape, tmp_path, rng):
    picture = rng.integers(0, 256, shape, dtype=np.uint8)
    (tmp_path / "p.png").write_bytes(png_bytes(picture))
    read = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "p.png")))
    np.testing.assert_array_equal(read, picture)


def test_png_of_anything_else_is_refused():
    with pytest.raises(ValueError, match="8 bit"):
        png_bytes(np.zeros((3, 3)))  # type: ignore[arg-type]


def test_a_disc_is_outlined_where_it_is():
    rows, columns = np.mgrid[:41, :61]
    labels = np.where((rows - 20) ** 2 + (columns - 30) ** 2 <= 12**2, 124, 0)
    (line,) = label_outlines(labels, 124)
    radii = np.hypot(*(np.array(line) - (30.5, 20.5)).T)
    assert radii.min() > 11.4 and radii.max() < 12.9
    assert area(line) == pytest.approx(np.count_nonzero(labels), rel=0.02)


def test_a_lone_voxel_a_hole_and_the_border_all_get_lines():
    labels = np.zeros((12, 12), dtype=np.uint8)
    labels[5, 5] = 1
    assert len(label_outlines(labels, 1)) == 1
    labels[:] = 0
    labels[0:9, 0:9] = 2
    labels[3:6, 3:6] = 0
    lines = label_outlines(labels, 2)
    assert sorted(round(area(line)) for line in lines)[0] in (8, 9)
    assert min(x for line in lines for x, _ in line) == pytest.approx(0.0, abs=0.05)
    assert label_outlines(labels, 7) == []


def test_lines_close_and_never_jump_also_on_noise(rng):
    field = np.pad(rng.random((30, 30)), 1)
    for line in level_lines(field, 0.5):
        points = np.array([*line, line[0]])
        assert np.hypot(*np.diff(points, axis=0).T).max() <= math.sqrt(2) + 1e-9


@pytest.mark.parametrize(
    ("direction", "sides", "plane"),
    [(SAGITTAL, "APHF", "sagittal"), (AXIAL, "RLAP", "axial"), (CORONAL, "RLHF", "coronal")],
)
def test_slices_are_shown_as_acquired_with_radiological_sides(direction, sides, plane):
    array = np.zeros((6, 20, 30), dtype=np.int16)
    image = volume(array, direction=direction)
    display = Display.of(image)
    assert display.plane == plane and "".join(display.sides) == sides
    # a mark towards the patient's head (or front, in axial slices) has to lie in the upper half, left (or back) in the right one
    body = {"sagittal": ((0, 0, 30), (0, 30, 0)), "axial": ((0, -30, 0), (30, 0, 0)), "coronal": ((0, 0, 30), (30, 0, 0))}[plane]
    centre = np.array(image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()]))
    for offset, axis, upper in ((body[0], 0, True), (body[1], 1, False)):
        marked = sitk.Image(image)
        step = np.array(offset, dtype=float)
        while True:
            index = marked.TransformPhysicalPointToIndex((centre + step).tolist())
            if all(0 <= i < n for i, n in zip(index, marked.GetSize(), strict=True)):
                break
            step *= 0.8
        marked[index] = 100
        places = np.argwhere(display.stack(marked) == 100)[0]
        assert bool(places[1 + axis] < display.shown[axis] / 2) is upper


def test_the_view_is_cut_to_the_labels_with_a_margin():
    labels = np.zeros((5, 100, 100), dtype=np.uint8)
    labels[2, 40:60, 45:50] = 20
    image = volume(np.zeros_like(labels, dtype=np.int16))
    display = Display.of(image, volume(labels))
    assert display.shown == (20 + 44, 5 + 44)
    assert Display.of(image, volume(np.zeros_like(labels))).shown == (100, 100)


def test_slice_numbers_are_those_of_the_file_and_of_findings():
    image = volume(np.zeros((7, 16, 16), dtype=np.int16))
    display = Display.of(image)
    for index in range(7):
        assert display.number(index) == Viewing.of(image).place((index, 3, 3)).slice
        assert display.index(display.number(index)) == index
    assert display.number(0) == 6, "a stack stored from left to right starts at its end, the patient's right"
    assert display.index(99) == display.index(6)


def test_chosen_slices_spread_over_labels_and_hold_the_cited():
    labels = np.zeros((20, 4, 4), dtype=np.uint8)
    labels[5:15] = 1
    assert chosen_slices(labels, 20, 3) == [7, 10, 13]
    assert chosen_slices(labels, 20, 3, [0, 10]) == [0, 7, 10, 13]
    assert chosen_slices(None, 1, 1) == [0]
    labels[8, 0, 0] = 2
    assert fullest_slice(labels, 20) == 8
    assert fullest_slice(None, 9) == 4


def test_grey_values_survive_nan_and_constants():
    array = np.full((3, 8, 8), 5.0, dtype=np.float32)
    assert not Display.of(volume(array)).grey(volume(array)).any()
    array[1] = np.linspace(0, 100, 64).reshape(8, 8)
    array[0, 0, 0] = np.nan
    grey = Display.of(volume(array)).grey(volume(array))
    assert grey.max() == 255 and grey.dtype == np.uint8


def test_pictures_have_physical_proportions():
    image = volume(np.zeros((3, 40, 80), dtype=np.int16), spacing=(0.5, 2.0, 4.0))
    display = Display.of(image)
    root = ET.fromstring(outlined(display, display.grey(image)[1], None, title="t"))
    assert float(root.get("height", "0")) / float(root.get("width", "0")) == pytest.approx(80.0 / 40.0, abs=0.01)


def contour_points(root):
    for path in root.iter(f"{SVG}path"):
        if path.get("class") == "contour":
            numbers = [float(n) for n in re.findall(r"[\d.]+", path.get("d", ""))]
            yield path, np.array(numbers).reshape(-1, 2)


def test_contours_lie_on_their_structure_in_its_colour():
    labels = np.zeros((3, 60, 60), dtype=np.uint8)
    labels[1, 20:40, 10:40] = 23
    image = volume(np.zeros((3, 60, 60), dtype=np.int16))
    display = Display.of(image)
    svg = outlined(display, display.grey(image)[1], display.stack(volume(labels))[1], title="t")
    root = ET.fromstring(svg)
    found = list(contour_points(root))
    assert len(found) == 1, [p.attrib for p, _ in found]
    path, points = found[0]
    scale = 320 / 60
    assert points.min(axis=0) == pytest.approx((10 * scale, 20 * scale), abs=0.4)
    assert points.max(axis=0) == pytest.approx((40 * scale, 40 * scale), abs=0.4)
    assert path.get("stroke") == "#be4b00" and path.find(f"{SVG}title").text == "L4 vertebra"
    (name,) = [text for text in root.iter(f"{SVG}text") if text.get("class") == "level"]
    assert name.text == "L4"
    bar = next(line for line in root.iter(f"{SVG}line") if line.get("class") == "scale")
    length = float(bar.get("x2", "0")) - float(bar.get("x1", "0"))
    (caption,) = [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "scale-name"]
    assert caption is not None and length == pytest.approx(int(caption.split()[0]) * scale, abs=0.02)


def test_unknown_labels_are_drawn_under_their_number():
    assert structure_name(99) == "label 99"
    assert shown_levels([61, 124, 24, 23, 123, 223]) == [23, 123, 223, 24, 124, 61]


def test_weaving_alternates_in_square_tiles_of_millimetres():
    first, second = np.zeros((40, 40), dtype=np.uint8), np.full((40, 40), 9, dtype=np.uint8)
    both = woven(first, second, (1.0, 2.0), tile_mm=10.0)
    assert both[0, 0] == 0 and both[0, 5] == 9 and both[10, 0] == 9 and both[10, 5] == 0
    assert is_second((40, 40), (1.0, 2.0), 10.0).mean() == 0.5
    with pytest.raises(ValueError, match="same size"):
        woven(first, second[:5], (1.0, 1.0))


def embedded(svg):
    content = re.search(r'href="data:image/png;base64,([^"]+)"', svg)
    assert content is not None
    return base64.b64decode(content.group(1))


def test_a_woven_picture_holds_pixels_of_both(tmp_path):
    image = volume(np.zeros((3, 64, 64), dtype=np.int16))
    display = Display.of(image)
    dark, light = np.full((64, 64), 10, dtype=np.uint8), np.full((64, 64), 200, dtype=np.uint8)
    (tmp_path / "w.png").write_bytes(embedded(checkerboard(display, dark, light, title="t")))
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "w.png")))
    assert pixels[5, 5] == 10 and pixels[5, 5 + round(16 / 64 * pixels.shape[1])] == 200
    assert 0.4 < (pixels == 200).mean() < 0.6


def test_coloured_maps_leave_zero_grey_and_tell_the_limit(tmp_path):
    image = volume(np.zeros((3, 64, 64), dtype=np.int16))
    display = Display.of(image)
    values = np.zeros((64, 64))
    values[:, 32:] = -4.0
    values[0, 0] = np.nan
    svg = coloured(display, np.full((64, 64), 80, dtype=np.uint8), Overlay(values, "mm", 2.0, "diverging"), title="t")
    (tmp_path / "c.png").write_bytes(embedded(svg))
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "c.png")))
    assert pixels[100, 50].tolist() == [80, 80, 80]
    assert pixels[100, 400, 2] > pixels[100, 400, 0] + 50, "negative values are blue"
    ticks = [text.text for text in ET.fromstring(svg).iter(f"{SVG}text") if text.get("class") == "bar-tick"]
    assert ticks == ["≤−2", "−1", "0", "1", "≥2"]


def test_data_uris_hold_the_picture():
    assert base64.b64decode(data_uri(np.zeros((2, 2), dtype=np.uint8)).partition(",")[2])[:4] == b"\x89PNG"
