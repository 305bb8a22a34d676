from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import spinemr.synthesis as synthesis


def test_every_public_name_is_the_one_of_its_module():
    for module, names in synthesis._HOME.items():
        for name in names:
            assert getattr(synthesis, name) is getattr(import_module(f"spinemr.synthesis.{module}"), name)
    assert set(synthesis.__all__) <= set(dir(synthesis))


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = synthesis.nonsense


def test_importing_loads_neither_arrays_nor_anything_heavy():
    program = "import sys, spinemr.synthesis; print([m for m in ('numpy', 'scipy', 'SimpleITK', 'torch') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
