from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from rich.console import Console

from spinemr.cli.terminal_picture import HALF_BLOCK, print_picture, shrink
from spinemr.imaging.errors import InputError


def drawn(picture, *, colours, width=40, encoding="utf-8"):
    """What lands on a console of this width, and how it was written."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    console = Console(
        file=stream, width=width, force_terminal=colours, color_system="truecolor" if colours else None, legacy_windows=False
    )
    print_picture(picture, console)
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)


def test_a_colour_console_gets_two_pixels_a_character():
    red, blue = (255, 0, 0), (0, 0, 255)
    text = drawn(np.array([[red], [blue]], dtype=np.uint8), colours=True)
    assert text.count(HALF_BLOCK) == 1
    assert "38;2;255;0;0" in text  # the upper pixel is the character
    assert "48;2;0;0;255" in text  # the lower one its background


def test_without_colours_brightness_becomes_shades():
    ramp = np.repeat(np.array([[0, 0, 255, 255]], dtype=np.uint8), 2, axis=0)
    assert drawn(ramp, colours=False) == "  @@\n"


def test_an_encoding_without_blocks_gets_shades():
    white = np.full((2, 3, 3), 255, dtype=np.uint8)
    text = drawn(white, colours=True, encoding="ascii")
    assert "@@@" in text


def test_shrinking_keeps_the_mean_and_the_proportions(rng):
    pixels = rng.integers(0, 256, size=(120, 80, 3), dtype=np.uint8)
    small = shrink(pixels, 20)
    assert small.shape == (30, 20, 3)
    np.testing.assert_array_equal(small[0, 0], np.rint(pixels[:4, :4].mean(axis=(0, 1))))
    assert abs(float(small.mean()) - float(pixels.mean())) < 0.1


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (200, 1), (7, 93), (33, 31, 4)])
def test_any_size_fits_the_console(rng, shape):
    text = drawn(rng.integers(0, 256, size=shape, dtype=np.uint8), colours=False, width=40)
    lines = text.splitlines()
    assert lines
    assert all(len(line) <= 40 for line in lines)


@pytest.mark.parametrize("array", [np.zeros((4, 4)), np.zeros((2, 2, 2, 3), np.uint8), np.zeros((0, 4), np.uint8)])
def test_what_is_no_picture_is_refused(array):
    with pytest.raises(InputError, match="8-bit"):
        print_picture(array, Console(file=io.StringIO()))


def test_as_a_program_it_shows_a_file_and_complains_in_one_line(tmp_path):
    path = tmp_path / "a picture.png"
    sitk.WriteImage(sitk.GetImageFromArray(np.full((2, 5), 255, np.uint8)), str(path))
    program = [sys.executable, "-m", "spinemr.cli.terminal_picture"]
    shown = subprocess.run([*program, str(path)], capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stdout.strip()) == (0, "@@@@@")

    failed = subprocess.run([*program, str(tmp_path / "none.png")], capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    assert failed.stderr.strip().splitlines() == ["The picture none.png is not there or cannot be read."]
