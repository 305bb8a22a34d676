"""The command line: its commands, and the one place where what went wrong becomes a line and an exit code.

Exit codes: 0 done, 1 a mistake in this software, 2 an input or option somebody can correct,
3 a verdict of "do not trust" (with ``run --strict``), 130 cancelled.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

import typer
from rich.text import Text

from spinemr.cli.commands import app as browser_app
from spinemr.cli.commands import cohort, evaluate, export, harmonize, models, phantom, radiomics, run, segment, train
from spinemr.cli.consoles import messages
from spinemr.cli.session import Session
from spinemr.imaging.errors import Cancelled
from spinemr.imaging.version import __version__
from spinemr.pipeline.interrupts import interruptible
from spinemr.pipeline.speaking import CANCELLED, DEBUG_VARIABLE, INTERNAL, OK, USER, explained, never_fail_to_print, notes_told

USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]
"""click's ClickException, from click itself or from the copy newer versions of typer carry."""

app = typer.Typer(
    name="spinemr",
    help="Lumbar spine MRI: segment studies, measure their structures, draw ones with known truth, judge and train.",
    epilog=(
        "Examples:\n\n"
        "  spinemr phantom -o study --seed 7 --contrast t2\n\n"
        "  spinemr run study/image.nii.gz -o results\n\n"
        "  spinemr cohort manifest.csv -o results --workers 4\n\n"
        "  spinemr segment study/image.nii.gz -o labels.seg.nrrd --measurements\n\n"
        "  spinemr radiomics study/image.nii.gz labels.seg.nrrd -o features.csv\n\n"
        "  spinemr evaluate predicted.nii.gz truth.seg.nrrd -o scores.json\n\n"
        "  spinemr COMMAND --help   says more about a command. NO_COLOR=1 switches colours off."
    ),
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("app")(browser_app.command)
app.command("evaluate")(evaluate.command)
app.command("export")(export.command)
app.command("harmonize")(harmonize.command)
app.command("phantom")(phantom.command)
app.command("run")(run.command)
app.command("segment")(segment.command)
app.add_typer(cohort.app, name="cohort")
app.add_typer(models.app, name="models")
app.add_typer(radiomics.app, name="radiomics")
app.add_typer(train.app, name="train")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"spinemr {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help=f"Show the traceback of unexpected errors ({DEBUG_VARIABLE}=1).")
    ] = False,
) -> None:
    if debug:
        context.obj.debug = True


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; never raises."""
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    never_fail_to_print(sys.stdout, sys.stderr)
    session = Session(tuple(words))
    try:
        with notes_told(_note, lambda: session.debug), interruptible():
            code = typer.main.get_command(app).main(words, prog_name="spinemr", standalone_mode=False, obj=session)
            sys.stdout.flush()
    except BaseException as error:
        if _is_closed_pipe(error):  # whoever read our output has seen enough
            _forget_stdout()
            return OK
        return _explained(error, session)
    return _cancelled() if code == CANCELLED else int(code or OK)


def _explained(error: BaseException, session: Session) -> int:
    """Say in one line what went wrong; the exit code that goes with it."""
    if isinstance(error, typer.Abort):
        return _cancelled()
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else INTERNAL
    stopped = isinstance(error, (KeyboardInterrupt, Cancelled))
    if session.debug and not stopped:
        traceback.print_exception(error)
    if isinstance(error, USAGE_ERROR):
        _complain(_usage_message(error))
        return USER
    failure = explained(error)
    _complain(failure.sentence)
    return failure.code


def _usage_message(error: Exception) -> str:
    text = str(error.format_message()) if hasattr(error, "format_message") else str(error)
    message = " ".join(text.split()).replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "spinemr"
    return f"{message.rstrip('.')}. Try: {path} --help"


def _cancelled() -> int:
    _complain("Cancelled.")
    return CANCELLED


def _complain(message: str) -> None:
    with suppress(OSError):
        messages().print(Text(message, style="bold red"))


def _note(sentence: str) -> None:
    messages().print(Text(sentence, style="dim"))


def _is_closed_pipe(error: BaseException) -> bool:
    """Whether stdout was closed; click turns that into an exit of its own."""
    return isinstance(error, BrokenPipeError) or (
        isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError)
    )


def _forget_stdout() -> None:
    """Keep the interpreter from complaining about the closed pipe once more when it flushes at the end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
