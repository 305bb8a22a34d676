"""The packages that only cohorts need, asked for in one sentence before work starts."""

from __future__ import annotations

from importlib.util import find_spec

from spinemr.imaging.errors import SpineMRError

RUNNING = ("dask", "distributed", "cryptography", "pyarrow")
"""Dask schedules, its connections are encrypted, and tables are written as Parquet."""
READING = ("pyarrow",)
INSTALL = "pip install 'spinemr[cohort]'"


def need(packages: tuple[str, ...]) -> None:
    """Raise a sentence that names what is missing."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        word = "package" if len(missing) == 1 else "packages"
        raise SpineMRError(f"Cohorts need the {word} {' and '.join(missing)}.", f"Install: {INSTALL}")
