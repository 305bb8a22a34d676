"""``python killed.py N FOLDER WORDS...``: a command that is killed as it is about to do its N-th change below FOLDER.

With N = 0 it runs to its end; then, and only then, the number of changes is the last line of stdout.
"""

# ruff: noqa: T201
from __future__ import annotations

import os
import signal
import sys
from typing import Any

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def main(fatal: int, folder: str, words: list[str]) -> int:
    """Count the changes that Python tells its audit hooks of, and end at the one that was asked for."""
    counted = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal counted
        if event not in CHANGES and not (event == "open" and arguments[2] & WRITING):
            return
        if not any(str(part).startswith(folder) for part in arguments[:2]):
            return
        counted += 1
        if counted == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    from spinemr.cli.main import main as command_line

    code = command_line(words)
    print(counted)
    return code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
