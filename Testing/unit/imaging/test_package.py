"""Importing the package costs nothing; its names are there when they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import spinemr.imaging

HEAVY = ("numpy", "scipy", "SimpleITK", "torch", "openvino", "pydicom", "vtk", "slicer", "matplotlib", "qt")


def test_the_import_loads_nothing_heavy():
    code = f"import sys, spinemr.imaging; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_a_file_needs_no_pydicom():
    code = "import sys, spinemr.imaging; spinemr.imaging.read_image; print('SimpleITK' in sys.modules, 'pydicom' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True False"


@pytest.mark.parametrize("name", spinemr.imaging.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name):
    value = getattr(spinemr.imaging, name)
    assert name in dir(spinemr.imaging)
    if callable(value) and not name.startswith("Progress"):
        assert value.__doc__


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        spinemr.imaging.nothing  # noqa: B018
