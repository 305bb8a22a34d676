"""Write the file lists of the three modules' ``CMakeLists.txt`` from the tree, or with ``--check`` say where they differ.

Slicer installs what these lists name and nothing else; naming every file by hand is where files get forgotten.
Runs on a bare Python, so that the lists can be mended before anything is installed.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = ("SpineSegmentation", "RadiomicsQC", "SpineHarmonization")
NOT_INSTALLED = {"Testing", "__pycache__"}


def installed_files(room: Path) -> list[str]:
    """Every file of a room that Slicer needs, relative to the room: library, module file, its Lib, its Resources."""
    wanted = (f"{room.name}.py", f"{room.name}Lib", "Resources", "spinemr")
    found = (path for path in room.rglob("*") if path.is_file())
    relative = (path.relative_to(room) for path in found)
    return sorted(
        path.as_posix()
        for path in relative
        if path.parts[0] in wanted and not any(part.startswith(".") or part in NOT_INSTALLED for part in path.parts)
    )


def with_list(text: str, variable: str, files: list[str]) -> str:
    """A ``CMakeLists.txt`` whose ``set(variable ...)`` names exactly these files."""
    block = "".join(f"  {name}\n" for name in files)
    changed, count = re.subn(rf"set\({variable}\n.*?  \)\n", f"set({variable}\n{block}  )\n", text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{variable} is set {count} times, not once")
    return changed


def updated(room: Path) -> str:
    """What the room's ``CMakeLists.txt`` should say."""
    files = installed_files(room)
    text = (room / "CMakeLists.txt").read_text(encoding="utf-8")
    text = with_list(text, "MODULE_PYTHON_SCRIPTS", [name for name in files if name.endswith(".py")])
    return with_list(text, "MODULE_PYTHON_RESOURCES", [name for name in files if not name.endswith(".py")])


def main() -> int:
    """Rewrite the lists, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 when a list is out of date")
    parser.add_argument("--root", type=Path, default=REPOSITORY, help="the checkout to work on")
    arguments = parser.parse_args()
    stale = 0
    for room in (arguments.root / name for name in ROOMS):
        target, text = room / "CMakeLists.txt", updated(room)
        if text == target.read_text(encoding="utf-8"):
            continue
        stale += 1
        outcome = "is out of date" if arguments.check else "rewritten"
        sys.stdout.write(f"{target.relative_to(arguments.root).as_posix()} {outcome}\n")
        if not arguments.check:
            target.write_text(text, encoding="utf-8", newline="\n")
    return int(arguments.check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
