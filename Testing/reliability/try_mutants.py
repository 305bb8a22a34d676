"""Try mutants from a terminal: ``python Testing/reliability/try_mutants.py --count 2400``, or ``--only 17,230 --show``."""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from watcher import figures, findings, tried


def main() -> int:
    """Print what breaks a promise, then the figures; 1 where anything did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2400)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", default="", help="numbers with commas")
    parser.add_argument("--show", action="store_true", help="print what each command said")
    parser.add_argument("--json", type=Path, help="write the figures here")
    asked = parser.parse_args()
    numbers = [int(part) for part in asked.only.split(",")] if asked.only else range(asked.first, asked.first + asked.count)
    results, begun = [], time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for result in tried(numbers, Path(folder)):
            results.append(result)
            if asked.show:
                print(json.dumps(result, indent=1))
            for one in findings(result):
                print(f"{one.number}: {one.name}: {one.what}\n    {one.words}\n    {one.said.strip()[-600:]}", flush=True)
    made = figures(results) | {"minutes": round((time.perf_counter() - begun) / 60, 1)}
    if asked.json:
        asked.json.write_text(json.dumps(made, indent=1), encoding="utf-8")
    print(json.dumps({name: value for name, value in made.items() if name != "findings"}), len(made["findings"]), "findings")
    return 1 if made["findings"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
