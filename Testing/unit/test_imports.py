"""What importing the library costs: nothing that is heavy, nothing that only some installations have."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "slicer", "vtk", "vtkmodules", "qt", "ctk", "PySide6", "torch", "openvino", "onnxruntime", "matplotlib", "monai",
    "pydicom", "highdicom", "pandas", "PIL", "typer", "rich", "click", "trame", "radiomics", "pyarrow", "yaml",
    "dask", "distributed", "fsspec", "duckdb", "psutil", "cryptography",
)  # fmt: skip
LIBRARY = tuple(
    f"spinemr.{name}"
    for name in ("imaging", "scene", "synthesis", "segmentation", "radiomics", "harmonization", "pipeline", "cohort")
)


def modules_after(statement: str) -> set[str]:
    """The names of all modules loaded once a fresh interpreter has run a statement."""
    program = f"{statement}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout.splitlines()[-1]))


@pytest.mark.parametrize("package", LIBRARY)
def test_importing_a_library_package_loads_nothing_heavy(package):
    loaded = modules_after(f"import {package}")
    assert package in loaded
    assert loaded.isdisjoint(HEAVY)


def test_importing_every_library_module_loads_nothing_heavy():
    walk = (
        "import importlib, pkgutil\n"
        f"for package in {LIBRARY!r}:\n"
        "    root = importlib.import_module(package)\n"
        "    for found in pkgutil.walk_packages(root.__path__, package + '.'):\n"
        "        importlib.import_module(found.name)"
    )
    loaded = modules_after(walk)
    assert {"spinemr.imaging.anatomy", "spinemr.synthesis.tissue_map"} <= loaded
    assert loaded.isdisjoint(HEAVY)


def test_help_of_the_command_line_loads_no_inference_engine():
    loaded = modules_after("import spinemr.cli.main")
    assert loaded.isdisjoint({"slicer", "vtk", "torch", "openvino", "matplotlib", "pydicom", "monai"})


def test_the_check_itself_sees_a_heavy_module():
    assert "rich" in modules_after("import rich")
