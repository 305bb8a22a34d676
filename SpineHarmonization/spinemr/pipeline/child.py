"""``python -m spinemr.pipeline.child JOB.json``: does one job (:mod:`spinemr.pipeline.jobs`) for the program that started it.

Stdout gets one JSON object a line and nothing else, stderr notes and at most one sentence of what went wrong. It needs no
package but those of the library: programs that lack the command line's own start it, too.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from spinemr.pipeline.interrupts import interruptible
from spinemr.pipeline.speaking import OK, USER, explained, json_line, never_fail_to_print, notes_told, wants_debugging


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the job in a file and return the exit code; never raises."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    never_fail_to_print(sys.stdout, sys.stderr)
    if len(words) != 1:
        _say("Give the file of one job.")
        return USER
    try:
        with notes_told(_say), interruptible():
            from spinemr.pipeline.jobs import read_job

            read_job(Path(words[0])).do(json_line)
    except BaseException as error:
        if wants_debugging():
            traceback.print_exception(error)
        failure = explained(error)
        _say(failure.sentence)
        return failure.code
    return OK


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
