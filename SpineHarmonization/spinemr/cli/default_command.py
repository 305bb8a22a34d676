"""A group one of whose commands runs where none is named: ``spinemr radiomics IMAGE MASK`` and ``spinemr radiomics compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup

if TYPE_CHECKING:
    from collections.abc import Sequence


class DefaultCommandGroup(TyperGroup):
    """Runs its first command unless the first word names another; alone or with --help it shows that command's help."""

    def parse_args(self, ctx: Any, args: Sequence[str]) -> list[str]:  # noqa: ANN401, D102
        words = list(args)
        if not words or words[0] not in self.commands:
            words = [next(iter(self.commands)), *(words or ["--help"])]
        parsed: list[str] = super().parse_args(ctx, words)
        return parsed
