"""Run the tests with the oldest packages that pyproject.toml allows, or the newest there are; look for known vulnerabilities.

``python Testing/tools/dependency_sets.py lowest|newest|audit [WORDS FOR PYTEST...]``

Each set gets an environment of its own in out/dependencies. "lowest" holds every package the library itself needs at its lower
bound; what tests need is the newest that goes with that. Needs the network for installing, and nothing else does.
"""

# ruff: noqa: T201
from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "out" / "dependencies"
EXTRAS = "dev,cohort"
TESTS = ("--no-cov", "-q", "-m", "not slow", "Testing/unit", "Testing/conformance", "Testing/reliability")


def main(wanted: str, words: list[str]) -> int:
    """Make the environment, say what is in it, run."""
    if wanted not in ("lowest", "newest", "audit"):
        print(__doc__)
        return 2
    python = _environment(wanted)
    if wanted == "audit":
        return _audit(python)
    bounds = _bounds(python, wanted)
    _run(python, "-m", "pip", "install", "--quiet", "--constraint", str(bounds), "--editable", f"{ROOT}[{EXTRAS}]")
    print("".join(line for line in bounds.read_text(encoding="utf-8").splitlines(keepends=True) if "==" in line), flush=True)
    return subprocess.run([python, "-m", "pytest", *(words or TESTS)], cwd=ROOT, check=False).returncode


def _environment(name: str) -> str:
    folder = PLACE / name
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not python.exists():
        venv.create(folder, with_pip=True, clear=True)
        _run(str(python), "-m", "pip", "install", "--quiet", "pip-audit" if name == "audit" else "uv")
    return str(python)


def _bounds(python: str, wanted: str) -> Path:
    """The versions of what the library needs, as uv resolves them."""
    bounds = PLACE / f"{wanted}.txt"
    resolution = "lowest-direct" if wanted == "lowest" else "highest"
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
    _run(
        python, "-m", "uv", "pip", "compile", "--quiet", "--no-annotate", "--no-header", "--python-version", version,
        "--resolution", resolution, "--output-file", str(bounds), str(ROOT / "pyproject.toml"),
    )  # fmt: skip
    return bounds


def _audit(python: str) -> int:
    """What is known against the newest set; packages that the index says nothing of count as not looked at."""
    bounds = PLACE / "newest.txt"
    if not bounds.exists():
        bounds = _bounds(_environment("newest"), "newest")
    command = [python, "-m", "pip_audit", "--strict", "--progress-spinner", "off", "--no-deps", "--requirement", str(bounds)]
    return subprocess.run(command, check=False).returncode


def _run(*command: str) -> None:
    subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:]))
