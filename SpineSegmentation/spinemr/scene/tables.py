"""Table nodes from rows of plain values: typed columns, units in their names and titles; and back to rows."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from spinemr.imaging.errors import InputError
from spinemr.scene.hierarchy import place_beside
from spinemr.scene.modification import one_event

if TYPE_CHECKING:
    import slicer
    import vtk

Row = Mapping[str, Any]

UNITS = {"mm": "mm", "mm2": "mm²", "mm3": "mm³", "ml": "ml", "deg": "°", "percent": "%", "ms": "ms", "s": "s"}
"""How the units at the end of column names are shown."""

WHOLE = ("label", "slice")
"""Columns of whole numbers that may have empty cells: a table node keeps such columns as fractions."""

_BREAKS = re.compile(r"[\t\r\n]+")


def add_table(
    scene: slicer.vtkMRMLScene, name: str, rows: Iterable[Row], *, beside: slicer.vtkMRMLNode | None = None
) -> slicer.vtkMRMLTableNode:
    """A new table node of rows, one column a key; users cannot edit it."""
    columns = _columns(rows)
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
    _fill(table, columns)
    place_beside(scene, table, beside)
    return table


def set_rows(table: slicer.vtkMRMLTableNode, rows: Iterable[Row]) -> None:
    """Put rows into a table node in place of what it holds, as one modification."""
    _fill(table, _columns(rows))


def rows_of(table: slicer.vtkMRMLTableNode) -> list[dict[str, str | float | int | bool | None]]:
    """The rows of a table node, also of one read from a file; a number that is missing is ``None``."""
    content = table.GetTable()
    names = [content.GetColumn(index).GetName() for index in range(content.GetNumberOfColumns())]
    columns = [_values(content.GetColumn(index)) for index in range(content.GetNumberOfColumns())]
    for place, name in enumerate(names):
        if name in WHOLE:
            columns[place] = [int(cell) if isinstance(cell, float) else cell for cell in columns[place]]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def unit_of(column: str) -> str:
    """The unit a column's name ends with, as it is shown: "height_middle_mm" -> "mm"; an empty text where there is none."""
    return UNITS.get(column.rpartition("_")[2], "") if "_" in column else ""


def title_of(column: str) -> str:
    """A column's heading: "height_middle_mm" -> "height middle (mm)"; names of features stay as they are."""
    unit = unit_of(column)
    if not unit:
        return column
    return f"{column.rpartition('_')[0].replace('_', ' ')} ({unit})"


def _columns(rows: Iterable[Row]) -> dict[str, list[Any]]:
    """Cells by column, in the order in which columns first occur."""
    listed = list(rows)
    names = dict.fromkeys(name for row in listed for name in row)
    if not names:
        raise InputError("There is nothing to put into a table.")
    return {name: [row.get(name) for row in listed] for name in names}


def _fill(table: slicer.vtkMRMLTableNode, columns: Mapping[str, Sequence[Any]]) -> None:
    import vtk

    content = vtk.vtkTable()
    for name, cells in columns.items():
        content.AddColumn(_array(name, cells))
    with one_event(table):
        table.SetAndObserveSchema(None)
        table.SetAndObserveTable(content)
        for name in columns:
            table.SetColumnTitle(name, title_of(name))
            table.SetColumnUnitLabel(name, unit_of(name))
        table.SetUseColumnTitleAsColumnHeader(True)
        table.SetLocked(True)


def _array(name: str, cells: Sequence[Any]) -> vtk.vtkAbstractArray:
    """A column of the narrowest type that holds all cells: yes/no, whole numbers, numbers, else text."""
    import vtk

    present = [cell for cell in cells if cell is not None]
    whole = len(present) == len(cells) > 0
    if whole and all(isinstance(cell, (bool, np.bool_)) for cell in cells):
        return _filled(vtk.vtkBitArray(), name, [int(cell) for cell in cells])
    if whole and all(isinstance(cell, Integral) for cell in cells):
        return _filled(vtk.vtkLongLongArray(), name, [int(cell) for cell in cells])
    if present and all(isinstance(cell, Real) for cell in present):
        return _filled(vtk.vtkDoubleArray(), name, [math.nan if cell is None else float(cell) for cell in cells])
    return _filled(vtk.vtkStringArray(), name, ["" if cell is None else _text(cell) for cell in cells])


def _filled(array: vtk.vtkAbstractArray, name: str, values: Sequence[Any]) -> vtk.vtkAbstractArray:
    array.SetName(name)
    for value in values:
        array.InsertNextValue(value)
    return array


def _text(cell: object) -> str:
    # Slicer writes tables as tab-separated lines without quotes: a tab inside a cell would shift all cells after it.
    return _BREAKS.sub(" ", str(cell))


def _values(column: vtk.vtkAbstractArray) -> list[Any]:
    cells = [column.GetValue(index) for index in range(column.GetNumberOfValues())]
    if column.IsA("vtkBitArray"):
        return [bool(cell) for cell in cells]
    return [None if isinstance(cell, float) and math.isnan(cell) else cell for cell in cells]
