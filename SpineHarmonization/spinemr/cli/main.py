"""The command line: its commands, and the one place where what went wrong becomes a line and an exit code.

Exit codes: 0 done, 1 a mistake in this software, 2 an input or option somebody can correct,
3 a verdict of "do not trust" (with ``run --strict``), 130 cancelled.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, TextIO

import typer
from rich.text import Text

from spinemr.cli.commands import app as browser_app
from spinemr.cli.commands import evaluate, export, harmonize, models, phantom, radiomics, run, segment, train
from spinemr.cli.consoles import messages
from spinemr.cli.interrupts import interruptible
from spinemr.cli.session import DEBUG_VARIABLE, Session
from spinemr.imaging.errors import Cancelled, ImagingWarning, SpineMRError
from spinemr.imaging.version import __version__

OK, INTERNAL, USER, CANCELLED = 0, 1, 2, 130

USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[2]
"""click's ClickException, from click itself or from the copy newer versions of typer carry."""

app = typer.Typer(
    name="spinemr",
    help="Lumbar spine MRI: segment studies, measure their structures, draw ones with known truth, judge and train.",
    epilog=(
        "Examples:\n\n"
        "  spinemr phantom -o study --seed 7 --contrast t2\n\n"
        "  spinemr run study/image.nii.gz -o results\n\n"
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
    _never_fail_to_print(sys.stdout, sys.stderr)
    session = Session(tuple(words))
    try:
        with _notes_on_stderr(session), interruptible():
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
    if isinstance(error, (KeyboardInterrupt, typer.Abort, Cancelled)):
        return _cancelled()
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else INTERNAL
    if session.debug:
        traceback.print_exception(error)
    if isinstance(error, SpineMRError):
        _complain(str(error))
        return error.exit_code
    if isinstance(error, USAGE_ERROR):
        _complain(_usage_message(error))
        return USER
    if isinstance(error, MemoryError):
        _complain("There is not enough memory for this image. Crop it or close other programs.")
        return USER
    # Its text is left out: it may quote what stands in a file.
    _complain(
        f"Internal error: {type(error).__name__} in {_place(error)}. {DEBUG_VARIABLE}=1 shows the details; please report it."
    )
    return INTERNAL


def _usage_message(error: Exception) -> str:
    text = str(error.format_message()) if hasattr(error, "format_message") else str(error)
    message = " ".join(text.split()).replace("Value error, ", "")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "spinemr"
    return f"{message.rstrip('.')}. Try: {path} --help"


def _place(error: BaseException) -> str:
    """File and line of the last frame in this software."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "spinemr" in frame.filename] or frames
    return f"{os.path.basename(ours[-1].filename)}:{ours[-1].lineno}" if ours else "an unknown place"  # noqa: PTH119


def _cancelled() -> int:
    _complain("Cancelled.")
    return CANCELLED


def _complain(message: str) -> None:
    with suppress(OSError):
        messages().print(Text(message, style="bold red"))


@contextmanager
def _notes_on_stderr(session: Session) -> Iterator[None]:
    """Show what the library warns users of as dim lines, once each, and other warnings to developers only."""
    told: set[str] = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,  # noqa: ARG001
        line: str | None = None,
    ) -> None:
        if issubclass(category, ImagingWarning):
            if str(message) not in told:
                messages().print(Text(f"Note: {message}", style="dim"))
            told.add(str(message))
        elif session.debug:
            messages().print(Text(warnings.formatwarning(message, category, filename, lineno, line).rstrip(), style="dim"))

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        yield


def _never_fail_to_print(*streams: TextIO) -> None:
    """A file name the terminal's encoding lacks is printed with escapes instead of ending the program."""
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _is_closed_pipe(error: BaseException) -> bool:
    """Whether stdout was closed; click turns that into an exit of its own."""
    return isinstance(error, BrokenPipeError) or (
        isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError)
    )


def _forget_stdout() -> None:
    """Keep the interpreter from complaining about the closed pipe once more when it flushes at the end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
