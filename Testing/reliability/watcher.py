"""Hands mutants to processes of :mod:`worker` and holds what they did against what is promised."""

from __future__ import annotations

import json
import os
import re
import selectors
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORKER = Path(__file__).resolve().parent / "worker.py"
MOST_SECONDS, MOST_MB = 30.0, 2048
START_SECONDS = 300.0
FRESH_AFTER = 300
"""Mutants a process serves before a fresh one takes its place."""
DEVELOPERS_TALK = re.compile(r"Traceback|Internal error|itk::|RuntimeError|0x[0-9a-f]{8,}|\bnumpy\.|errno", re.IGNORECASE)
TEMPORARY = re.compile(r"\.writing-|\.replaced-|\.probe")


@dataclass(frozen=True)
class Finding:
    """A promise that a mutant broke."""

    number: int
    name: str
    what: str
    words: str
    said: str


def tried(
    numbers: Iterable[int], folder: Path, told: Callable[[dict[str, Any]], None] = lambda _: None
) -> Iterator[dict[str, Any]]:
    """What each mutant's command did; one that hangs or ends its process is said so with ``hang`` or ``died``."""
    worker = None
    served = 0
    for number in numbers:
        if worker is None or served >= FRESH_AFTER:
            if worker is not None:
                worker.close()
            worker, served = Worker(folder), 0
        result = worker.ask(number)
        served += 1
        if "died" in result:
            worker.close()
            worker = None
        told(result)
        yield result
    if worker is not None:
        worker.close()


class Worker:
    """One process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = (folder / "worker.log").open("ab")
        command = [sys.executable, str(WORKER), str(folder / "seeds"), str(folder / "work")]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "20000", "NO_COLOR": "1"}
        environment.pop("SPINEMR_DEBUG", None)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, env=environment
        )
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)  # type: ignore[arg-type]
        if "ready" not in self._answer(START_SECONDS):
            raise RuntimeError((folder / "worker.log").read_text(errors="replace")[-3000:])

    def ask(self, number: int) -> dict[str, Any]:
        """Try one mutant."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{number}\n".encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            return {"number": number, "name": "?", "died": "the process is gone"}
        return {"number": number, "name": "?", **self._answer(2 * MOST_SECONDS)}

    def _answer(self, seconds: float) -> dict[str, Any]:
        if not self._selector.select(seconds):
            return {"died": f"hang: no answer within {seconds:g} s"}
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        return json.loads(line) if line else {"died": f"the process ended with {self._process.wait()}"}

    def close(self) -> None:
        """End it."""
        self._selector.close()
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                stream.close()


def findings(result: dict[str, Any]) -> list[Finding]:
    """The promises that were broken."""

    def found(what: str) -> Finding:
        return Finding(result["number"], result["name"], what, " ".join(result.get("words", [])), result.get("err", "")[-1500:])

    if "died" in result:
        return [found(result["died"])]
    return [found(what) for what in _broken(result)]


def _broken(result: dict[str, Any]) -> Iterator[str]:
    complaint = [line for line in result["err"].splitlines() if line.strip() and not line.startswith("Note:")]
    if result["code"] not in (0, 2):
        yield f"exit code {result['code']}"
    if DEVELOPERS_TALK.search(result["err"]) or DEVELOPERS_TALK.search(result["out"]):
        yield "it speaks to developers"
    if result["code"] == 2 and not complaint:
        yield "no sentence"
    if result["code"] == 0 and complaint:
        yield "a complaint, but exit code 0"
    if result["code"] == 0 and not result["left"] and not (_only_says(result) and result["out"]):
        yield "exit code 0 without a result"
    if result["code"] == 2 and result["left"] and not _kept_on_purpose(result):
        yield f"left behind: {', '.join(result['left'][:5])}"
    if any(TEMPORARY.search(name) for name in result["left"]):
        yield "a temporary file is left"
    if result["temporary"]:
        yield f"left in the folder for temporary files: {result['temporary'][:3]}"
    if not result["inputs_kept"]:
        yield "inputs were changed, or something was written beside them"
    if result["seconds"] > MOST_SECONDS:
        yield f"{result['seconds']:.0f} seconds"
    if result["peak_mb"] > MOST_MB:
        yield f"{result['peak_mb']} MB of memory"


def _kept_on_purpose(result: dict[str, Any]) -> bool:
    """``run`` keeps what other stages made when one fails, whole; so does ``segment`` with the other images of a folder."""
    command, err = result["words"][0], result["err"]
    if command == "run":
        return "results/qc.json" in result["left"] and "Kept in" in err
    if result["words"][:2] == ["cohort", "report"]:
        return True  # it writes beside what it reads
    return command == "segment" and "images were not segmented" in err


def _only_says(result: dict[str, Any]) -> bool:
    return bool(result["words"][:2] == ["cohort", "which"])


def figures(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts and extremes."""
    alive = [one for one in results if "died" not in one]
    broken = [one for result in results for one in findings(result)]
    return {
        "mutants": len(results),
        "codes": dict(sorted(Counter(str(one["code"]) for one in alive).items())),
        "kinds": len({one["name"].rsplit(" / ", 1)[0] for one in alive}),
        "slowest_s": max((one["seconds"] for one in alive), default=0.0),
        "most_mb": max((one["peak_mb"] for one in alive), default=0),
        "findings": [vars(one) for one in broken],
    }
