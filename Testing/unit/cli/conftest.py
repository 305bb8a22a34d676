"""Runs the command line inside the test or as a program, and offers label maps and quickly drawn studies to run it on."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from spinemr.cli.main import main
from spinemr.imaging.progress import Progress, silent


@dataclass(frozen=True)
class Outcome:
    """What one call of the command line left behind."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on stderr; fails where there is another number of lines."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


@pytest.fixture
def spinemr(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """``spinemr("evaluate", path, ...)`` as the user would type it."""

    def run(*words: object) -> Outcome:
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def spinemr_process() -> Callable[..., Outcome]:
    """The same as a program of its own."""

    def run(*words: object, environment: dict[str, str] | None = None) -> Outcome:
        command = [sys.executable, "-m", "spinemr.cli", *[str(word) for word in words]]
        done = subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", env={**os.environ, **(environment or {})}, check=False
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


def spine_array(slices: int = 5) -> np.ndarray:
    """L4, L5, the discs under them, sacrum and canal as boxes."""
    labels = np.zeros((slices, 40, 30), dtype=np.uint8)
    for label, top, height in ((23, 2, 8), (123, 10, 3), (24, 13, 8), (124, 21, 3), (26, 24, 10)):
        labels[:, top : top + height, 2:12] = label
    labels[:, :36, 13:17] = 61
    labels[:, 3:8, 18:24] = 223
    return labels


SAGITTAL = (0.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)


def as_labels(array: np.ndarray, direction=SAGITTAL, spacing=(0.75, 0.75, 4.0), origin=(10.0, -20.0, 30.0)) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(direction)
    return image


@pytest.fixture
def truth_path(tmp_path: Path) -> Path:
    """A label map on disk."""
    path = tmp_path / "truth.nii.gz"
    sitk.WriteImage(as_labels(spine_array()), str(path))
    return path


@pytest.fixture
def quick_study(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """Puts boxes in the place of the drawing, which takes seconds; returns the calls it received."""
    calls: list[dict] = []

    def draw_study(seed, *, contrast=None, grade=None, scanner=None, pathology=None, progress=silent):
        calls.append({"seed": seed, "contrast": contrast, "grade": grade, "scanner": scanner, "pathology": pathology})
        for step in range(4):
            progress(Progress("draw", step / 4, f"Step {step}"))
        labels = as_labels(spine_array(7))
        noise = np.random.default_rng(seed).normal(0, 5, (7, 40, 30))
        image = sitk.GetImageFromArray((sitk.GetArrayFromImage(labels) * 3 + noise).astype(np.int16))
        image.CopyInformation(labels)
        truth = {"seed": seed, "weighting": contrast or "t2", "disc_height_mm": {"L4-L5": 10.5}}
        return types.SimpleNamespace(image=image, labels=labels, truth=truth, scanner="alder-1.5t-t2", name=f"drawn_{seed:05d}")

    module = types.ModuleType("spinemr.synthesis.study")
    module.draw_study = draw_study  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "spinemr.synthesis.study", module)
    return calls


def listing(folder: Path) -> dict[str, int]:
    """Every file and folder below, with sizes of files."""
    return {str(path.relative_to(folder)): path.stat().st_size if path.is_file() else -1 for path in folder.rglob("*")}


@pytest.fixture
def listed() -> Callable[[Path], dict[str, int]]:
    """What lies in a folder, to compare before and after."""
    return listing


@pytest.fixture
def boxes() -> Callable[..., np.ndarray]:
    """The array of the label map on disk."""
    return spine_array


@pytest.fixture
def label_image() -> Callable[..., sitk.Image]:
    """An array as label image on the grid of the label map on disk."""
    return as_labels
