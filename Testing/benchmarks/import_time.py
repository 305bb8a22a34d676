"""How long the library takes to import, beside what it is built on alone: the median of fresh interpreters.

``import spinemr.imaging`` loads a name when it is first used; the line with ``*`` uses all of them.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

REPEATS = 9
STATEMENTS = (
    "pass",
    "import numpy",
    "import numpy, scipy.ndimage",
    "import SimpleITK",
    "import spinemr.imaging",
    "from spinemr.imaging import *",
    "import spinemr.cli.main",
)
AIM_S = 0.3


def seconds(statement: str) -> float:
    """Median time of one statement, measured inside the interpreter so that its own start does not count."""
    program = f"from time import perf_counter as t\na = t()\n{statement}\nprint(t() - a)"
    runs = [subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True) for _ in range(REPEATS)]
    return statistics.median(float(run.stdout) for run in runs)


def main() -> None:
    """Print one line a statement."""
    for statement in STATEMENTS:
        took = seconds(statement)
        remark = f"  (aim: under {AIM_S:.1f} s)" if statement == "import spinemr.imaging" else ""
        print(f"{statement:32s} {took * 1000:7.1f} ms{remark}")


if __name__ == "__main__":
    main()
