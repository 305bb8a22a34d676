"""Every name of Slicer that the modules and the scene use exists in Slicer 5.10 and 5.12."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOMS = ("SpineSegmentation", "RadiomicsQC", "SpineHarmonization")
ALLOWED_AT_FILE_SCOPE = {"slicer", "vtk", "qt", "ctk", "SimpleITK", "numpy", "scipy"}
"""What Slicer brings."""


@pytest.fixture(scope="module")
def names(repository):
    folder = repository / "Testing" / "extension" / "slicer_names"
    lists = {path.stem: set(path.read_text(encoding="utf-8").split()) for path in folder.glob("*.txt")}
    assert {"vtkMRMLScene", "qMRMLNodeComboBox"} <= lists["classes"]
    assert "tryWithErrorDisplay" in lists["util"]
    return lists


def slicer_files(repository):
    for room in ROOMS:
        yield repository / room / f"{room}.py"
        yield from sorted((repository / room / f"{room}Lib").rglob("*.py"))


def python_files(repository):
    yield from slicer_files(repository)
    yield from sorted((repository / "SpineSegmentation" / "spinemr" / "scene").glob("*.py"))


def dotted(node: ast.AST) -> str:
    """``slicer.util.pip_install`` of an attribute; empty for what is no plain chain of names."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def unknown_in(path: Path, names) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found += unknown_attribute(dotted(node), names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "slicer":
            found += [name for alias in node.names for name in unknown_import(node.module or "", alias.name, names)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"vtkMRML\w+", node.value):
            found += [] if node.value in names["classes"] else [node.value]
    return [f"{path.name}: {name}" for name in found]


def unknown_attribute(chain: str, names) -> list[str]:
    parts = chain.split(".")
    if len(parts) < 2 or parts[0] not in ("slicer", "ctk"):
        return []
    if parts[0] == "ctk":
        return [] if parts[1] in names["ctk_widgets"] else [chain]
    if parts[1] == "util":
        return [] if len(parts) < 3 or parts[2] in names["util"] else [chain]
    return [] if parts[1] in names["classes"] | names["objects"] else [chain]


def unknown_import(module: str, name: str, names) -> list[str]:
    if module == "slicer":
        return [] if name in names["classes"] else [f"slicer.{name}"]
    if module == "slicer.util":
        return [] if name in names["util"] else [f"slicer.util.{name}"]
    short = module.removeprefix("slicer.")
    return [] if f"{short}.{name}" in names["python_names"] else [f"{module}.{name}"]


def test_names_in_python_exist(repository, names):
    files = list(python_files(repository))
    assert len(files) > 40
    assert [name for path in files for name in unknown_in(path, names)] == []


@pytest.mark.parametrize(
    "code",
    [
        "slicer.util.pip_instal('x')",
        "slicer.vtkMRMLVolume()",
        "slicer.application.quit()",
        "scene.AddNewNodeByClass('vtkMRMLSegmentNode')",
        "ctk.ctkFancyButton()",
        "from slicer.parameterNodeWrapper import Bounded",
        "from slicer import qMRMLNodeComboBoxes",
    ],
)
def test_the_check_finds_a_misspelt_name(tmp_path, names, code):
    path = tmp_path / "module.py"
    path.write_text(code, encoding="utf-8")
    assert unknown_in(path, names) != []


def test_imported_modules_of_slicer_exist(names):
    modules = {entry.removesuffix(".py") for entry in names["python_modules"]}
    assert {entry.partition(".")[0] for entry in names["python_names"]} <= modules


def test_widgets_of_ui_files_exist(repository, names):
    panels = [repository / room / "Resources" / "UI" / f"{room}.ui" for room in ROOMS]
    known = names["classes"] | names["ctk_widgets"]
    for panel in panels:
        text = panel.read_text(encoding="utf-8")
        widgets = set(re.findall(r'<widget class="((?:ctk|qMRML|qSlicer)\w+)"', text))
        nodes = set(re.findall(r"<string>(vtkMRML\w+)<", text))
        assert widgets
        assert nodes
        assert widgets | nodes <= known


def test_parameters_of_ui_files_are_fields(repository):
    for room in ROOMS:
        text = (repository / room / "Resources" / "UI" / f"{room}.ui").read_text(encoding="utf-8")
        used = re.findall(r'name="SlicerParameterName" stdset="0">\s*<string notr="true">(\w+)<', text)
        tree = ast.parse((repository / room / f"{room}.py").read_text(encoding="utf-8"))
        node = next(cls for cls in tree.body if isinstance(cls, ast.ClassDef) and cls.name == f"{room}ParameterNode")
        fields = [line.target.id for line in node.body if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)]
        assert len(used) == len(set(used)) >= 3
        assert set(used) <= set(fields)


def test_nothing_is_imported_at_file_scope_that_slicer_lacks(repository):
    strange = []
    for path in slicer_files(repository):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            else:
                continue
            for module in modules:
                top = module.partition(".")[0]
                own = top.endswith("Lib") and top.removesuffix("Lib") in ROOMS
                if not (own or top in ALLOWED_AT_FILE_SCOPE or top in sys.stdlib_module_names):
                    strange.append(f"{path.name}: {module}")
    assert strange == []


def test_module_files_evaluate_their_annotations(repository):
    # Slicer's parameterNodeWrapper looks at the types themselves
    for room in ROOMS:
        assert "from __future__ import annotations" not in (repository / room / f"{room}.py").read_text(encoding="utf-8")


def test_every_module_has_what_slicer_looks_for(repository):
    for room in ROOMS:
        tree = ast.parse((repository / room / f"{room}.py").read_text(encoding="utf-8"))
        classes = {cls.name for cls in tree.body if isinstance(cls, ast.ClassDef)}
        assert {room, f"{room}Widget", f"{room}Logic", f"{room}Test"} <= classes
        header = (repository / room / "Resources" / "Icons" / f"{room}.png").read_bytes()[:8]
        assert header == b"\x89PNG\r\n\x1a\n"
