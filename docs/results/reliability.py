"""Tries everything that is promised (more than an hour on two processors) and writes docs/results/reliability.md.

``python docs/results/reliability.py`` or ``make reliability``. With ``--from FIGURES`` it writes the page from figures of
earlier runs, which lie in out/reliability/figures.jsonl; a line ``{"check": "note", "text": ...}`` says what a reader has to
know of them. Where PyTorch is not installed, training is not tried.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PLACE, PAGE = ROOT / "out" / "reliability", Path(__file__).with_suffix(".md")
JUNIT = "junit.xml"


def main() -> int:
    """Run the tests of reliability, all of them, and say what they found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="figures", type=Path, help="write the page from these figures")
    asked = parser.parse_args()
    if asked.figures is not None:
        PAGE.write_text(page(_read(asked.figures)), encoding="utf-8")
        return 0
    PLACE.mkdir(parents=True, exist_ok=True)
    figures = PLACE / "figures.jsonl"
    figures.unlink(missing_ok=True)
    begun = time.monotonic()
    code = _tests(figures)
    minutes = round((time.monotonic() - begun) / 60)
    with figures.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"check": "all", "minutes": minutes, "failed": code != 0, **_machine(), **_counts()}) + "\n")
    PAGE.write_text(page(_read(figures)), encoding="utf-8")
    return code


def _tests(figures: Path) -> int:
    environment = {**os.environ, "SPINEMR_RELIABILITY": "all", "SPINEMR_RELIABILITY_FIGURES": str(figures)}
    command = [sys.executable, "-m", "pytest", "--no-cov", "-q", f"--junit-xml={PLACE / JUNIT}", "Testing/reliability"]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def _counts() -> dict[str, int]:
    from xml.etree import ElementTree as ET

    suite = ET.parse(PLACE / JUNIT).getroot().find("testsuite")
    assert suite is not None
    return {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}


def _machine() -> dict[str, str]:
    from importlib.metadata import version

    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "SimpleITK", "openvino"))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "software": f"commit {commit.stdout.strip()}, Python {platform.python_version()}, {packages}",
    }


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def page(found: list[dict[str, Any]]) -> str:
    """The figures as a page of Markdown."""
    lines = ["# Reliability: figures of the last run"]
    lines += ["Written by `make reliability`; what is promised stands in [Reliability](../reliability.md).", ""]
    whole = _last(found, "all")
    if whole:
        lines += [f"{whole['machine']}; {whole['software']}; {whole['minutes']} minutes.", ""]
        told = f"{whole['tests']} tests, {whole['failures'] + whole['errors']} failed, {whole['skipped']} skipped"
        lines += [f"{told}.", ""]
    lines += [line for one in found if one["check"] == "note" for line in (one["text"], "")]
    lines += ["| what | figure |", "|---|---|", *_mutants(_last(found, "mutants"), "mutated inputs")]
    lines += [
        *_mutants(_last(found, "mutants of cohorts"), "mutated cohorts"),
        *_kills(found),
        *_nodes(found),
        *_concurrency(found),
    ]
    return "\n".join(lines) + "\n"


def _mutants(one: dict[str, Any], what: str) -> list[str]:
    if not one:
        return []
    codes = ", ".join(f"{count} with exit code {code}" for code, count in one["codes"].items())
    return [
        f"| {what} | {one['mutants']} ({one['kinds']} kinds of input and change) |",
        f"| how their commands ended | {codes} |",
        f"| broken promises | {one['findings']} |",
        f"| slowest command | {one['slowest_s']:.1f} s (limit 30 s) |",
        f"| most memory of a command | {one['most_mb']} MB (limit 2048 MB) |",
    ]


def _kills(found: list[dict[str, Any]]) -> list[str]:
    rows = []
    for check in ("killed at a random moment", "killed at every change of the folder"):
        by_command = {one["command"]: one["kills"] for one in found if one["check"] == check}
        told = ", ".join(f"{command} {kills}" for command, kills in by_command.items())
        rows += [f"| SIGKILL, {check.removeprefix('killed ')} | {told}; each finished by the next start |"] if told else []
    return rows


def _nodes(found: list[dict[str, Any]]) -> list[str]:
    checks = ("cluster of two nodes", "cluster of two nodes, one of them lost")
    return [f"| {check} | all of {_last(found, check)['studies']} studies finish |" for check in checks if _last(found, check)]


def _concurrency(found: list[dict[str, Any]]) -> list[str]:
    one = _last(found, "eight runs at once on two processors")
    if not one:
        return []
    memory = f"{one['most_mb']} MB at most in one, {one['alone_mb']} MB alone"
    return [
        f"| eight `spinemr run` at once on two processors | all finish; {memory} |",
        f"| the last of them, against one alone | {one['ratio']} times the time |",
    ]


def _last(found: list[dict[str, Any]], check: str) -> dict[str, Any]:
    return next((one for one in reversed(found) if one["check"] == check), {})


if __name__ == "__main__":
    sys.exit(main())
