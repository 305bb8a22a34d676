from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOMS = ("SpineSegmentation", "RadiomicsQC", "SpineHarmonization")
RAW = "https://raw.githubusercontent.com/spinemr/SpineMR/main/"


def library_files(repository):
    """Every file below a room's ``spinemr`` folder, as (room, path relative to the room)."""
    for room in ROOMS:
        for path in (repository / room / "spinemr").rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
                yield room, path.relative_to(repository / room).as_posix()


def test_every_library_file_is_installed_exactly_once(configured, repository):
    installed = Counter((file.module, file.target) for file in configured.files if file.target.startswith("spinemr/"))
    assert set(installed) ^ set(library_files(repository)) == set(), "run `make cmake-lists`"
    assert set(installed.values()) == {1}


def test_no_two_files_meet_in_the_flat_folder(configured):
    # Windows and macOS do not tell upper from lower case
    targets = Counter(file.target.casefold() for file in configured.files)
    assert {name for name, count in targets.items() if count > 1} == set()


def test_only_python_files_are_scripts(configured):
    assert {file.kind for file in configured.files if file.target.endswith(".py")} == {"SCRIPT"}
    assert {file.kind for file in configured.files if not file.target.endswith(".py")} == {"RESOURCE"}


def test_the_top_of_the_flat_folder_holds_nothing_but_modules(scripted_modules):
    # Slicer takes every .py file there for a module
    assert {path.stem for path in scripted_modules.glob("*.py")} <= set(ROOMS)
    assert not (scripted_modules / "spinemr" / "__init__.py").exists()


def test_lists_are_what_the_tool_writes(repository):
    tool = repository / "Testing" / "tools" / "cmake_lists.py"
    result = subprocess.run([sys.executable, str(tool), "--check"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{result.stdout}run `make cmake-lists`"


def test_the_tool_finds_a_forgotten_file_and_lists_it(repository, tmp_path):
    for room in ROOMS:
        (tmp_path / room).mkdir()
        shutil.copyfile(repository / room / "CMakeLists.txt", tmp_path / room / "CMakeLists.txt")
    package = tmp_path / "RadiomicsQC" / "spinemr" / "radiomics"
    (package / "__pycache__").mkdir(parents=True)
    for name in ("py.typed", "shape.py", "__init__.py", "__pycache__/shape.cpython-311.pyc"):
        (package / name).touch()
    tool = [sys.executable, str(repository / "Testing" / "tools" / "cmake_lists.py"), "--root", str(tmp_path)]

    check = subprocess.run([*tool, "--check"], capture_output=True, text=True, check=False)
    assert check.returncode == 1
    assert "RadiomicsQC/CMakeLists.txt is out of date" in check.stdout

    assert subprocess.run(tool, capture_output=True, check=False).returncode == 0
    text = (tmp_path / "RadiomicsQC" / "CMakeLists.txt").read_text(encoding="utf-8")
    assert "set(MODULE_PYTHON_SCRIPTS\n  spinemr/radiomics/__init__.py\n  spinemr/radiomics/shape.py\n  )\n" in text
    assert "set(MODULE_PYTHON_RESOURCES\n  spinemr/radiomics/py.typed\n  )\n" in text
    assert subprocess.run([*tool, "--check"], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("mistake", "complaint"),
    [
        ("slicerMacroBuildScriptedModule(NAME Room SCRIPTS missing.py)", "given nonexistent file or directory 'missing.py'"),
        ("slicerMacroBuildScriptedModule(NAME Room)", "SCRIPTS is mandatory"),
        ("slicerMacroBuildScriptedModule(SCRIPTS there.py)", "NAME is mandatory"),
        ("slicerMacroBuildScriptedModule(NAME Room FILES there.py)", "Unknown keywords"),
        ("slicerMacroBuildScriptedModule(NAME Room SCRIPTS there.py WITH_GENERIC_TESTS)", "imports Room.py"),
        ("slicer_add_python_unittest(SCRIPT missing.py)", "given nonexistent script 'missing.py'"),
    ],
)
def test_the_stand_in_refuses_what_slicer_refuses(repository, tmp_path, run_cmake, mistake, complaint):
    source = tmp_path / "source"
    source.mkdir()
    (source / "there.py").touch()
    lines = ["cmake_minimum_required(VERSION 3.16.3...3.28)", "project(X)", "find_package(Slicer REQUIRED)"]
    lines += ["include(${Slicer_USE_FILE})", mistake]
    (source / "CMakeLists.txt").write_text("\n".join(lines), encoding="utf-8")
    result = run_cmake(source, tmp_path / "build", repository / "Testing" / "extension")
    assert result.returncode != 0
    assert complaint in " ".join(result.stderr.split())


def test_meta_information_points_at_files_that_exist(configured, repository):
    extension = configured.extension
    assert extension["NAME"] == "SpineMR"
    assert extension["DEPENDS"] == "NA"
    urls = [extension["ICONURL"], *extension["SCREENSHOTURLS"].split()]
    assert all(url.startswith(RAW) for url in urls)
    assert all((repository / url.removeprefix(RAW)).is_file() for url in urls)


def test_the_icon_is_128_by_128(repository):
    header = (repository / "Resources" / "SpineMR.png").read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:24]) == (128, 128)


def test_the_index_entry_has_what_the_schema_asks_for_and_no_more(repository, configured):
    entry = json.loads((repository / "SpineMR.json").read_text(encoding="utf-8"))
    assert set(entry) == {"$schema", "category", "scm_url"}
    assert entry["$schema"].endswith("slicer-extension-catalog-entry-schema-v1.0.2.json#")
    assert entry["scm_url"] == configured.extension["HOMEPAGE"]


def test_slicers_python_finds_every_package_in_the_flat_folder(scripted_modules):
    packages = sorted(
        ".".join(path.parent.relative_to(scripted_modules).parts)
        for path in scripted_modules.glob("spinemr/**/__init__.py")
    )
    assert "spinemr.imaging" in packages
    # -I and -S keep this environment's own spinemr (an editable install) out; numpy and its kin come back by path
    program = (
        "import sys, site, importlib\n"
        f"sys.path[:0] = [{str(scripted_modules)!r}]\n"
        f"sys.path += {[path for path in sys.path if Path(path).name in ('site-packages', 'dist-packages')]!r}\n"
        f"for name in {packages!r}:\n"
        "    print(importlib.import_module(name).__file__)\n"
    )
    result = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    found = [Path(line) for line in result.stdout.splitlines()]
    assert found == [scripted_modules.joinpath(*name.split("."), "__init__.py") for name in packages]
