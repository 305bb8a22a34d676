"""What tests of reliability share: sound inputs, the processes that try mutants, and which tests wait for their own command."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
for place in (HERE, HERE.parent / "unit" / "imaging"):
    sys.path.insert(0, str(place))
WHOLE = os.environ.get("SPINEMR_RELIABILITY") == "all"
"""Whether everything is tried (`make reliability`), or the part that fits into every test run."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what takes minutes to its own command."""
    waiting = pytest.mark.skip(reason="takes minutes: make reliability")
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("slow") and not WHOLE:
            item.add_marker(waiting)


@pytest.fixture(scope="session")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Sound inputs of every kind (:class:`mutants.seeds.Seeds`)."""
    pytest.importorskip("pydicom")
    from mutants.seeds import make_seeds

    return make_seeds(tmp_path_factory.mktemp("seeds"))


@pytest.fixture(scope="session")
def noted() -> Callable[..., None]:
    """``noted("mutants", count=2400, ...)`` keeps figures for the page, where ``SPINEMR_RELIABILITY_FIGURES`` names a file."""
    import json

    target = os.environ.get("SPINEMR_RELIABILITY_FIGURES", "")

    def note(check: str, **figures: Any) -> None:
        if target:
            with Path(target).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"check": check, **figures}) + "\n")

    return note
