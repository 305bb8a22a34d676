"""What every test may ask for: the repository, real images where there are some, and reproducible randomness."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parents[1]

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


def real_data_folder() -> Path | None:
    """The folder of real images: ``$SPINEMR_DATA``, else ``shared/data`` beside the repository, else nothing."""
    named = os.environ.get("SPINEMR_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    return folder if folder.is_dir() else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs real images where there are none."""
    if real_data_folder() is None:
        missing = pytest.mark.skip(reason="no real images: set SPINEMR_DATA or put them at ../shared/data")
        for item in items:
            if item.get_closest_marker("realdata"):
                item.add_marker(missing)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real images; the test that asks for it is skipped where there is none."""
    folder = real_data_folder()
    if folder is None:
        pytest.skip("no real images: set SPINEMR_DATA or put them at ../shared/data")
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    """The same random numbers in every run."""
    return np.random.default_rng(20261121)
