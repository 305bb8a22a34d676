"""What every test may ask for: the repository, real images where there are some, and reproducible randomness."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parents[1]

GUARD = Path(__file__).resolve().parent / "network"
sys.path.insert(0, str(GUARD))
import network_guard  # noqa: E402

# Who is started in the background of a shell ignores Ctrl-C, and so would every process that tests start and interrupt.
for ignored, usual in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    if hasattr(signal, ignored) and signal.getsignal(getattr(signal, ignored)) == signal.SIG_IGN:
        signal.signal(getattr(signal, ignored), usual)

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


def pytest_configure() -> None:
    """Keep the tests, and the Python programs they start, off the network."""
    network_guard.install()
    paths = [str(GUARD), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(path for path in paths if path))


@pytest.fixture(scope="session")
def network_attempts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file in which attempts to reach the network are noted."""
    path = tmp_path_factory.mktemp("network") / "attempts.txt"
    path.touch()
    os.environ[network_guard.ATTEMPTS_VARIABLE] = str(path)
    return path


@pytest.fixture(autouse=True)
def no_network(network_attempts: Path) -> Iterator[None]:
    """Fail a test during which somebody reached for the network, also where the refusal was swallowed."""
    before = network_attempts.stat().st_size
    yield
    attempts = network_attempts.read_text(encoding="utf-8")[before:]
    assert not attempts, f"the network was reached for: {attempts}"


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
