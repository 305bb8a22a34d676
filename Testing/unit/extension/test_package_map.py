from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOMS = ("SpineSegmentation", "RadiomicsQC", "SpineHarmonization")


@pytest.fixture(scope="module")
def project(repository):
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tree(repository):
    """Every folder with Python files below a room's namespace: package name -> folder relative to the repository."""
    folders = {path.parent for room in ROOMS for path in (repository / room / "spinemr").rglob("*.py")}
    relative = (folder.relative_to(repository) for folder in folders)
    return {".".join(folder.parts[1:]): folder.as_posix() for folder in relative}


def portions(tree):
    """The sub-packages directly below the namespace."""
    return {name for name in tree if name.count(".") == 1}


def test_packages_are_those_of_the_tree(project, tree):
    assert project["tool"]["setuptools"]["packages"] == sorted(tree)


def test_every_portion_is_mapped_to_its_room(project, tree):
    assert project["tool"]["setuptools"]["package-dir"] == {name: tree[name] for name in portions(tree)}


def test_the_namespace_itself_is_no_package(repository, tree):
    assert "spinemr" not in tree
    assert not [room for room in ROOMS if (repository / room / "spinemr" / "__init__.py").exists()]


def test_every_package_is_a_package_and_says_it_is_typed(repository, tree):
    lacking = [f"{folder}/{name}" for folder in tree.values() for name in ("__init__.py", "py.typed")]
    assert [path for path in lacking if not (repository / path).is_file()] == []


def test_everything_beside_the_sources_is_package_data(project, repository, tree):
    patterns = project["tool"]["setuptools"]["package-data"]["*"]
    others = (
        path.relative_to(repository)
        for folder in tree.values()
        for path in (repository / folder).iterdir()
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    )
    assert [path for path in others if not any(Path(path.name).match(pattern) for pattern in patterns)] == []


def test_the_layer_contract_knows_every_portion(project, tree):
    linter = project["tool"]["importlinter"]
    layers = next(contract["layers"] for contract in linter["contracts"] if contract["type"] == "layers")
    assert set(linter["root_packages"]) == portions(tree)
    assert set(re.findall(r"spinemr\.\w+", " ".join(layers))) == portions(tree)


def test_type_checks_and_coverage_look_at_every_room_that_has_a_library(project, repository):
    rooms = {f"{room}/spinemr" for room in ROOMS if (repository / room / "spinemr").is_dir()}
    assert set(project["tool"]["mypy"]["files"]) == rooms
    assert set(project["tool"]["coverage"]["run"]["source"]) == rooms


def test_one_version_everywhere(project, repository):
    from spinemr.imaging.version import __version__

    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "spinemr.imaging.version.__version__"}
    assert f'\nversion: "{__version__}"\n' in (repository / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## [{__version__}]" in (repository / "CHANGELOG.md").read_text(encoding="utf-8")


def test_all_text_files_have_unix_line_ends(repository):
    suffixes = {".py", ".toml", ".md", ".txt", ".cmake", ".json", ".yml", ".cff"}
    folders = (repository / name for name in (*ROOMS, "Testing", "docs", "Resources"))
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix in suffixes]
    assert len(files) > 20
    assert [path for path in files if b"\r" in path.read_bytes()] == []
