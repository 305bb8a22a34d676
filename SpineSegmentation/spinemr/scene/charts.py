"""Plot charts from series of a table's columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spinemr.scene.hierarchy import remove_node
from spinemr.scene.modification import one_event

if TYPE_CHECKING:
    import slicer

Fractions = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """How a series is drawn: markers, a line, or both; names as MRML's ``MarkerStyle`` and ``LineStyle`` have them."""

    colour: Fractions
    marker: str = "none"
    line: str = "none"
    marker_size: float = 8.0
    line_width: float = 2.0


@dataclass(frozen=True)
class Axis:
    """An axis: its title, and its range where that is not taken from the data."""

    title: str
    limits: tuple[float, float] | None = None


def add_series(
    scene: slicer.vtkMRMLScene, name: str, table: slicer.vtkMRMLTableNode, columns: tuple[str, str], look: Look, *,
    labels: str = "",
) -> slicer.vtkMRMLPlotSeriesNode:  # fmt: skip
    """A series of one column over another; ``labels`` names the column of text that is shown under the mouse."""
    series = scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", name)
    with one_event(series):
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetPlotType(series.PlotTypeScatter)
        series.SetXColumnName(columns[0])
        series.SetYColumnName(columns[1])
        series.SetLabelColumnName(labels)
        series.SetColor(*look.colour)
        series.SetMarkerStyle(series.GetMarkerStyleFromString(look.marker))
        series.SetMarkerSize(look.marker_size)
        series.SetLineStyle(series.GetLineStyleFromString(look.line))
        series.SetLineWidth(look.line_width)
    return series


def add_chart(
    scene: slicer.vtkMRMLScene, title: str, series: Iterable[slicer.vtkMRMLPlotSeriesNode], x: Axis, y: Axis
) -> slicer.vtkMRMLPlotChartNode:
    """A chart of series with titled axes and a legend."""
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", title)
    with one_event(chart):
        for one in series:
            chart.AddAndObservePlotSeriesNodeID(one.GetID())
        chart.SetTitle(title)
        chart.SetXAxisTitle(x.title)
        chart.SetYAxisTitle(y.title)
        chart.SetLegendVisibility(True)
        if x.limits is not None:
            chart.SetXAxisRangeAuto(False)
            chart.SetXAxisRange(*x.limits)
        if y.limits is not None:
            chart.SetYAxisRangeAuto(False)
            chart.SetYAxisRange(*y.limits)
    return chart


def series_of(chart: slicer.vtkMRMLPlotChartNode) -> tuple[slicer.vtkMRMLPlotSeriesNode, ...]:
    """The series of a chart, in their order."""
    return tuple(chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes()))


def remove_chart(scene: slicer.vtkMRMLScene, chart: slicer.vtkMRMLPlotChartNode) -> None:
    """Remove a chart, its series and the tables behind them that no other chart's series show."""
    own = series_of(chart)
    tables = {table.GetID(): table for table in (series.GetTableNode() for series in own) if table is not None}
    remove_node(scene, chart)
    for series in own:
        remove_node(scene, series)
    left = scene.GetNodesByClass("vtkMRMLPlotSeriesNode")
    left.UnRegister(None)
    used = {left.GetItemAsObject(index).GetTableNodeID() for index in range(left.GetNumberOfItems())}
    for identifier, table in tables.items():
        if identifier not in used:
            remove_node(scene, table)


def show_chart(plot_view: slicer.vtkMRMLPlotViewNode, chart: slicer.vtkMRMLPlotChartNode) -> None:
    """Show a chart in a plot view."""
    plot_view.SetPlotChartNodeID(chart.GetID())
