"""Heat maps and Bland-Altman plots as plot nodes over table nodes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinemr.imaging.errors import InputError
from spinemr.radiomics.statistics.agreement import bland_altman

pytestmark = pytest.mark.scene
pytest.importorskip("slicer", reason="slicer-core is not installed (make scene)")

from spinemr.scene.agreement_plot import add_bland_altman  # noqa: E402
from spinemr.scene.charts import Axis, Look, add_chart, add_series, remove_chart, series_of, show_chart  # noqa: E402
from spinemr.scene.heat_map import add_heat_map  # noqa: E402
from spinemr.scene.tables import add_table, rows_of  # noqa: E402

METHODS, FEATURES = ("none", "nyul", "cyclegan"), ("Idmn", "SRE")
ERRORS = [[0.6, 0.15], [-0.04, math.nan], [0.02, 0.0]]
CLASSES = ["0 to 2 %", "2 to 5 %", "5 to 10 %", "10 to 20 %", "20 to 50 %", "above 50 %"]


def shown_points(series):
    """The finite points a series draws, as (x, y, label)."""
    rows = rows_of(series.GetTableNode())
    x, y, label = series.GetXColumnName(), series.GetYColumnName(), series.GetLabelColumnName()
    return [(row[x], row[y], row.get(label)) for row in rows if row[x] is not None and row[y] is not None]


def test_the_table_of_a_heat_map_holds_errors_in_percent(scene):
    found = add_heat_map(scene, "Relative errors", METHODS, FEATURES, ERRORS)
    assert rows_of(found.table) == [
        {"method": "none", "Idmn_percent": 60.0, "SRE_percent": 15.0},
        {"method": "nyul", "Idmn_percent": 4.0, "SRE_percent": None},
        {"method": "cyclegan", "Idmn_percent": 2.0, "SRE_percent": 0.0},
    ]
    assert found.table.GetColumnTitle("Idmn_percent") == "Idmn (%)"


def test_each_cell_is_one_square_in_the_series_of_its_class(scene):
    found = add_heat_map(scene, "Relative errors", METHODS, FEATURES, ERRORS)
    series = series_of(found.chart)
    assert [one.GetYColumnName() for one in series] == CLASSES
    drawn = {one.GetYColumnName(): shown_points(one) for one in series}
    assert drawn == {
        "0 to 2 %": [(1, 1.0, "cyclegan, Idmn: 2 %"), (2, 1.0, "cyclegan, SRE: 0 %")],
        "2 to 5 %": [(1, 2.0, "nyul, Idmn: 4 %")],
        "5 to 10 %": [],
        "10 to 20 %": [(2, 3.0, "none, SRE: 15 %")],
        "20 to 50 %": [],
        "above 50 %": [(1, 3.0, "none, Idmn: 60 %")],
    }
    brightness = [np.dot(one.GetColor(), (0.2126, 0.7152, 0.0722)) for one in series]
    assert brightness == sorted(brightness, reverse=True)
    assert {one.GetMarkerStyleAsString(one.GetMarkerStyle()) for one in series} == {"square"}
    assert {one.GetTableNodeID() for one in series} == {found.cells.GetID()}


def test_axes_of_a_heat_map_hold_whole_cells(scene):
    chart = add_heat_map(scene, "Relative errors", METHODS, FEATURES, ERRORS).chart
    assert chart.GetXAxisRange() == (0.5, 2.5)
    assert chart.GetYAxisRange() == (0.5, 3.5)
    assert not chart.GetXAxisRangeAuto()
    assert chart.GetYAxisTitle().startswith("Method")


@pytest.mark.parametrize(
    ("rows", "columns", "errors", "sentence"),
    [
        (METHODS, FEATURES, [[0.1, 0.2]], "do not fit the names"),
        ((), (), [], "do not fit the names"),
        (("a",), FEATURES, [[math.nan, math.nan]], "No relative error could be computed"),
    ],
)
def test_what_cannot_be_a_heat_map_is_refused_and_leaves_no_node(scene, rows, columns, errors, sentence):
    with pytest.raises(InputError, match=sentence):
        add_heat_map(scene, "Relative errors", rows, columns, np.array(errors).reshape(-1, 2) if errors else errors)
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0


AUTOMATIC, CORRECTED = [10.0, 12.0, 9.0, 14.0], [11.0, 11.5, 9.5, 13.0]


def agreement_of(scene, **options):
    found = bland_altman(AUTOMATIC, CORRECTED)
    means, differences = np.mean([AUTOMATIC, CORRECTED], axis=0), np.subtract(AUTOMATIC, CORRECTED)
    limits = found.lower.value, found.upper.value
    chart = add_bland_altman(
        scene, "Disc heights", means, differences, bias=found.bias.value, limits=limits, quantity="height", unit="mm", **options
    )
    return chart, found


def test_a_bland_altman_plot_shows_pairs_bias_and_limits(scene):
    chart, found = agreement_of(scene, labels=["L1-L2", "L2-L3", "L3-L4", "L4-L5"])
    pairs, bias, lower, upper = series_of(chart)
    assert shown_points(pairs) == [(10.5, -1.0, "L1-L2"), (11.75, 0.5, "L2-L3"), (9.25, -0.5, "L3-L4"), (13.5, 1.0, "L4-L5")]
    expected = [(bias, found.bias.value), (lower, found.lower.value), (upper, found.upper.value)]
    for series, value in expected:
        assert [(x, y) for x, y, _ in shown_points(series)] == [(9.25, pytest.approx(value)), (13.5, pytest.approx(value))]
    assert bias.GetName() == "Bias 0 mm"
    assert upper.GetName() == f"Upper limit {found.upper.value:.3g} mm"
    assert chart.GetXAxisTitle() == "Mean height (mm)"
    assert chart.GetYAxisTitle() == "Difference of height (mm)"
    assert bias.GetLineStyleAsString(bias.GetLineStyle()) == "solid"
    assert pairs.GetLineStyleAsString(pairs.GetLineStyle()) == "none"


def test_pairs_that_are_not_finite_are_left_out(scene):
    chart = add_bland_altman(
        scene, "Features", [1.0, math.nan, 3.0], [0.1, 0.2, math.inf], bias=0.1, limits=(0.0, 0.2), quantity="Idmn"
    )
    assert shown_points(series_of(chart)[0]) == [(1.0, 0.1, "pair 1")]
    assert chart.GetXAxisTitle() == "Mean Idmn"


def test_what_cannot_be_plotted_is_refused(scene):
    options = {"bias": 0.0, "limits": (0.0, 0.0), "quantity": "height"}
    with pytest.raises(InputError, match="not equally many"):
        add_bland_altman(scene, "a", [1.0], [1.0, 2.0], **options)
    with pytest.raises(InputError, match="not equally many"):
        add_bland_altman(scene, "a", [1.0], [1.0], labels=["a", "b"], **options)
    with pytest.raises(InputError, match="no pair of measurements"):
        add_bland_altman(scene, "a", [math.nan], [1.0], **options)
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 0


def test_a_chart_goes_with_its_series_and_tables(scene):
    before = scene.GetNumberOfNodes()
    chart, _ = agreement_of(scene)
    remove_chart(scene, chart)
    assert scene.GetNumberOfNodes() == before


def test_tables_that_another_chart_shows_stay(scene):
    table = add_table(scene, "shared", [{"x": 1.0, "y": 2.0}])
    charts = []
    for title in ("first", "second"):
        series = add_series(scene, title, table, ("x", "y"), Look((1.0, 0.0, 0.0), marker="circle"))
        charts.append(add_chart(scene, title, [series], Axis("x"), Axis("y", (0.0, 3.0))))
    remove_chart(scene, charts[0])
    assert scene.GetNodeByID(table.GetID()) is not None
    assert charts[1].GetYAxisRange() == (0.0, 3.0)
    assert charts[1].GetXAxisRangeAuto()
    remove_chart(scene, charts[1])
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0


def test_a_chart_is_shown_in_a_plot_view(scene):
    view = scene.AddNewNodeByClass("vtkMRMLPlotViewNode")
    chart, _ = agreement_of(scene)
    show_chart(view, chart)
    assert view.GetPlotChartNodeID() == chart.GetID()
