"""Runs mutants, one a line of stdin, in this one process, and says of each what the command did.

The process that starts it watches the clock; here are the memory, the output, and what lies on the disk afterwards.
"""

# ruff: noqa: T201
from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "unit" / "imaging")]
BACKSTOP_BYTES = 6 << 30
"""Address space beyond what the process has when it starts: what asks for more gets an error instead of the machine."""


def main(seeds_folder: str, work_folder: str) -> None:
    """Make the sound inputs where they are missing, then serve."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    work = Path(work_folder)
    temporary = work / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
    from mutants.generator import recipes
    from mutants.seeds import make_seeds

    with _captured(work / "seeds.log"):
        seeds = make_seeds(Path(seeds_folder))
    limit = _status_kb("VmSize") * 1024 + BACKSTOP_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    found = recipes()
    print(json.dumps({"ready": len(found)}), file=answers, flush=True)
    for line in sys.stdin:
        number = int(line)
        print(json.dumps(_tried(number, seeds, work / str(number), temporary, found)), file=answers, flush=True)


def _tried(number: int, seeds: Any, folder: Path, temporary: Path, found: list[Any]) -> dict[str, Any]:
    from mutants.generator import mutant

    one = mutant(number, seeds, folder, found)
    print(f"{number} {one.name} {one.words}", file=sys.stderr, flush=True)
    before, sound = _listing(folder / "in"), _listing(seeds.folder)
    with _captured(folder / "said") as _:
        code, seconds, peak_mb = _called(one.words)
    out, err = (((folder / f"said.{name}").read_text(encoding="utf-8", errors="replace")) for name in ("out", "err"))
    result = {
        "number": number,
        "name": one.name,
        "words": [word.encode("utf-8", "backslashreplace").decode() for word in one.words],
        "code": code,
        "seconds": round(seconds, 3),
        "peak_mb": peak_mb,
        "out": out[-3000:],
        "err": err,
        "left": sorted(_listing(folder / "out")),
        "inputs_kept": before == _listing(folder / "in") and sound == _listing(seeds.folder),
        "temporary": sorted(_listing(temporary)),
    }
    shutil.rmtree(folder, ignore_errors=True)
    result["temporary"] = [name for name in result["temporary"] if not name.startswith("torchinductor")]
    for left in temporary.iterdir():
        shutil.rmtree(left, ignore_errors=True)
    return result


def _called(words: tuple[str, ...]) -> tuple[int, float, int]:
    """Exit code, seconds, and the most memory that was in use at one time."""
    from spinemr.cli.main import main as command_line

    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    begun = time.perf_counter()
    code = command_line(words)
    return code, time.perf_counter() - begun, _status_kb("VmHWM") // 1024


@contextmanager
def _captured(stem: Path) -> Iterator[None]:
    """What Python and what C libraries print, in two files."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved, streams = (os.dup(1), os.dup(2)), (sys.stdout, sys.stderr)
    targets = [
        stem.with_name(f"{stem.name}.{name}").open("w", encoding="utf-8", errors="backslashreplace") for name in ("out", "err")
    ]
    os.dup2(targets[0].fileno(), 1)
    os.dup2(targets[1].fileno(), 2)
    sys.stdout, sys.stderr = targets
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
        for target in targets:
            target.close()
        for number, old in zip((1, 2), saved, strict=True):
            os.dup2(old, number)
            os.close(old)


def _listing(folder: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for root, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            path = Path(root, name)
            found[str(path.relative_to(folder)).encode("utf-8", "backslashreplace").decode()] = path.lstat().st_size
    return found


def _status_kb(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(field + ":")).split()[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
