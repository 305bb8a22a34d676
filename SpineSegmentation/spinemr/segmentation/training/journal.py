"""What a run writes down as it goes: one line a validation in ``log.csv``, curves for TensorBoard where that is installed."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spinemr.imaging.atomic import write_text_atomic

LOG = "log.csv"


class Journal:
    """Appends to the log of a folder, whose first column is the step; a resumed run drops the lines after its checkpoint."""

    def __init__(self, folder: Path, columns: tuple[str, ...], first_step: int) -> None:
        self._path, self._columns = folder / LOG, columns
        self._board = _board(folder)
        kept = self._lines_before(first_step) if first_step else []
        write_text_atomic("".join([",".join(self._columns) + "\n", *kept]), self._path)

    def _lines_before(self, step: int) -> list[str]:
        if not self._path.is_file():
            return []
        lines = self._path.read_text(encoding="utf-8").splitlines(keepends=True)[1:]
        return [line for line in lines if line.endswith("\n") and int(line.split(",")[0]) <= step]

    def write(self, values: Mapping[str, float]) -> None:
        """Add a line; columns without a value stay empty."""
        with self._path.open("a", encoding="utf-8", newline="") as file:
            row = [f"{values[name]:.6g}" if name in values else "" for name in self._columns]
            csv.writer(file, lineterminator="\n").writerow(row)
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name.replace(" ", "_"), value, int(values["step"]))

    def close(self) -> None:
        """Finish what TensorBoard reads."""
        if self._board is not None:
            self._board.close()


def _board(folder: Path) -> Any:  # noqa: ANN401 - a class of torch that may be missing
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(log_dir=str(folder / "tensorboard"))
