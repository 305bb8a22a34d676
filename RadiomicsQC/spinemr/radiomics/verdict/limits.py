"""The limits of all rules, from one data file that says where each number comes from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from spinemr.imaging.errors import InputError
from spinemr.imaging.plain_files import json_of, text_of
from spinemr.radiomics.verdict.finding import Outcome

FORMAT = 1


@dataclass(frozen=True)
class Limit:
    """One number a figure is held against, in up to two steps."""

    name: str
    unit: str
    worse: Literal["above", "below"]
    review: float | None
    do_not_trust: float | None
    origin: str
    """Where the number comes from."""

    def grade(self, figure: float) -> tuple[Outcome, float | None]:
        """How a figure fares, and the limit to show beside it. What is not a number is to be looked at."""
        for outcome, value in ((Outcome.DISTRUST, self.do_not_trust), (Outcome.REVIEW, self.review)):
            if value is not None and self._beyond(figure, value):
                return outcome, value
        first = self.review if self.review is not None else self.do_not_trust
        return (Outcome.REVIEW if math.isnan(figure) else Outcome.PASSED), first

    def excess(self, figure: float, value: float | None) -> float:
        """How far beyond a limit, from 0 to 1: the share of the figure (or limit) that is too much (or lacks)."""
        if value is None or not math.isfinite(figure):
            return 1.0
        larger = max(abs(figure), abs(value))
        return min(1.0, abs(figure - value) / larger) if larger > 0 else 0.0

    def _beyond(self, figure: float, value: float) -> bool:
        return figure > value if self.worse == "above" else figure < value


@dataclass(frozen=True)
class Limits:
    """All limits by name."""

    version: int
    limits: Mapping[str, Limit]

    def __getitem__(self, name: str) -> Limit:
        try:
            return self.limits[name]
        except KeyError:
            raise InputError(f"There is no limit called {name!r}.") from None

    def changed(self, name: str, *, review: float | None, do_not_trust: float | None, origin: str) -> Limits:
        """The limits with one of them at other values."""
        other = replace(self[name], review=review, do_not_trust=do_not_trust, origin=origin)
        return replace(self, limits={**self.limits, name: other})


@cache
def default_limits() -> Limits:
    """Those that are shipped: ``verdict/data/limits.json``."""
    return _parsed(json.loads(files(__package__).joinpath("data", "limits.json").read_text(encoding="utf-8")), "limits.json")


def read_limits(path: str | PathLike[str]) -> Limits:
    """Limits of one's own, in the form of the shipped file; what is left out keeps its shipped value."""
    source = Path(path)
    try:
        content = json_of(text_of(source))
    except OSError as error:
        raise InputError(f"Cannot read {source.name}: {error.strerror or 'the system refused'}.") from error
    except ValueError as error:
        raise InputError(f"{source.name} is not JSON.") from error
    own = _parsed(content, source.name)
    shipped = default_limits()
    for name, limit in own.limits.items():
        if limit.worse != shipped[name].worse or limit.unit != shipped[name].unit:
            raise InputError(f"{source.name}: the limit {name} is in {shipped[name].unit} and worse {shipped[name].worse} it.")
    return replace(shipped, limits={**shipped.limits, **own.limits})


def _parsed(content: Any, name: str) -> Limits:  # noqa: ANN401
    try:
        if content["format"] != FORMAT:
            raise InputError(f"{name} is of format {content['format']}; this version reads format {FORMAT}.")
        limits = {key: _limit(key, value) for key, value in content["limits"].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{name} does not hold limits in the form they are shipped in.") from error
    return Limits(int(content.get("version", 0)), limits)


def _limit(name: str, content: Mapping[str, Any]) -> Limit:
    values = [None if content[key] is None else float(content[key]) for key in ("review", "do_not_trust")]
    if content["worse"] not in ("above", "below") or any(value is not None and not math.isfinite(value) for value in values):
        raise ValueError(name)
    return Limit(name, str(content["unit"]), content["worse"], values[0], values[1], str(content["origin"]))
