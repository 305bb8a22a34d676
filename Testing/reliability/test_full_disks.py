"""A disk that is full or read-only, and a limit on file sizes: one clear line, and nothing half done stays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("pydicom")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a small disk is mounted as Linux does it")

LIMITED = (
    "import resource, signal, sys\n"
    "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), -1))\n"
    "from spinemr.cli.main import main\n"
    "sys.exit(main(sys.argv[2:]))\n"
)


def commands(seeds, out: Path) -> dict[str, list[object]]:
    """Commands that write more than two kilobytes."""
    return {
        "run": ["run", seeds.image, "-o", out / "results", "--harmonize", "zscore"],
        "harmonize": ["harmonize", seeds.image, "-o", out / "h.nii.gz", "--method", "zscore"],
        "harmonize to two files": ["harmonize", seeds.image, "-o", out / "h.mhd", "--method", "zscore"],
        "radiomics": ["radiomics", seeds.image, seeds.mask, "-o", out / "f.csv"],
        "evaluate": ["evaluate", seeds.mask, seeds.mask, "-o", out / "scores.json"],
        "report": ["radiomics", "report", seeds.case, "-o", out / "page.html"],
        "compare": ["radiomics", "compare", seeds.tables[".csv"], seeds.tables[".csv"], "-o", out / "c.html"],
        "phantom": ["phantom", "-o", out / "drawn", "--seed", "3", "--scanner", "cedar-1.5t-t1"],
    }


NAMES = ["run", "harmonize", "harmonize to two files", "radiomics", "evaluate", "report", "compare", "phantom"]
QUICK = ("run", "harmonize to two files", "report")
PARAMETERS = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]


def _complaint(words, *, limit: int | None = None) -> str:
    """What a command says that has to end with exit code 2: one line beside notes."""
    program = ["-m", "spinemr.cli"] if limit is None else ["-c", LIMITED, str(limit)]
    environment = {**os.environ, "COLUMNS": "10000", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *program, *[str(word) for word in words]], capture_output=True, text=True, env=environment, check=False
    )
    lines = [line for line in done.stderr.splitlines() if line and not line.startswith("Note:")]
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1, done.stderr
    assert "Internal error" not in lines[0]
    return lines[0]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB, all of which are taken."""
    if os.getuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only the superuser may mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    try:
        with suppress(OSError), (place / "taken").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_full_disk_is_one_line(name, seeds, small_disk):
    said = _complaint(commands(seeds, small_disk)[name])
    assert "disk" in said
    assert [path.name for path in small_disk.rglob("*")] == ["taken"]


@pytest.mark.parametrize("name", ["harmonize", *[pytest.param(name, marks=pytest.mark.slow) for name in ("radiomics", "run")]])
def test_a_read_only_disk_is_one_line(name, seeds, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    said = _complaint(commands(seeds, small_disk)[name])
    assert "read-only" in said


@pytest.mark.parametrize("name", ["harmonize", *[pytest.param(name, marks=pytest.mark.slow) for name in ("report", "run")]])
def test_a_limit_on_files_is_one_line(name, seeds, tmp_path):
    """What a quota does, for whoever may not mount disks."""
    said = _complaint(commands(seeds, tmp_path / "out")[name], limit=2000)
    assert "Cannot write" in said or "Writing failed" in said
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").rglob(".writing*"))
