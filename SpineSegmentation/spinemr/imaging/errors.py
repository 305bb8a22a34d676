"""Errors meant for people: one sentence that says what is wrong and, where there is one, what to do about it."""

from __future__ import annotations


class SpineMRError(Exception):
    """Anything the user can understand and act on; the command line prints it as one line and exits with 2."""

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class InputError(SpineMRError):
    """An input cannot be read, or is not an image this software can work on."""


def require(condition: bool, sentence: str, hint: str = "") -> None:
    """Raise :class:`InputError` with these words unless the condition holds."""
    if not condition:
        raise InputError(sentence, hint)


class GeometryError(SpineMRError):
    """Grids that should agree do not, or a spacing or direction is missing or impossible."""


class OutputError(SpineMRError):
    """A result cannot be written where it was asked for."""


class MissingPackageError(SpineMRError):
    """A package that this needs is not installed."""


class Cancelled(SpineMRError):
    """The user stopped the work; nothing half-written stays behind."""

    exit_code = 130

    def __init__(self, message: str = "Cancelled.", hint: str = "") -> None:
        super().__init__(message, hint)


class ImagingWarning(UserWarning):
    """Something about an image the user should know and that did not stop the work; one sentence."""
