"""Tables of the page from rows of a case."""

from __future__ import annotations

import math

import pytest

from spinemr.webapp.tables import change_percent, feature_table, lordosis_deg, measurement_table

MEASURED = [
    {"label": 23, "structure": "L4 vertebra", "height_middle_mm": 25.12345, "volume_mm3": 100.0, "angle_deg": None},
    {"label": 123, "structure": "L4-L5 disc", "height_middle_mm": None, "volume_mm3": 50.0, "angle_deg": None, "cut_by_view": 1},
    {"label": None, "structure": "lumbar spine", "height_middle_mm": None, "lordosis_l1_s1_deg": 55.87},
]


def test_measurements_keep_what_is_measured_and_say_units():
    headers, rows = measurement_table(MEASURED)
    assert [(one["key"], one["title"], one["digits"]) for one in headers[1:]] == [
        ("volume_mm3", "Volume (mm³)", 0), ("height_middle_mm", "Height middle (mm)", 1),
    ]  # fmt: skip
    assert headers[0]["key"] == "structure" and headers[0]["fixed"]
    assert rows[0] == {"structure": "L4 vertebra", "height_middle_mm": 25.12, "volume_mm3": 100.0, "label": 23}
    assert len(rows) == 2 and lordosis_deg(MEASURED) == 55.9


def test_no_measurements_are_no_table():
    assert measurement_table([]) == ([], []) and lordosis_deg([]) is None


def test_features_stand_side_by_side_with_their_change():
    rows = [
        {"label": 23, "structure": "L4", "image": "source", "Mean": 200.0, "Zero": 0.0, "Gone": math.nan},
        {"label": 23, "structure": "L4", "image": "harmonized", "Mean": 150.0, "Zero": 1.0, "Gone": 1.0},
        {"label": 24, "structure": "L5", "image": "source", "Mean": 1.0},
    ]
    assert feature_table(rows, 23) == [
        {"feature": "Mean", "before": 200.0, "after": 150.0, "change": -25.0},
        {"feature": "Zero", "before": 0.0, "after": 1.0, "change": None},
    ]
    assert feature_table(rows, 24) == [{"feature": "Mean", "before": 1.0, "after": None, "change": None}]
    assert feature_table(rows, 25) == []


@pytest.mark.parametrize(("before", "after", "change"), [(2.0, 3.0, 50.0), (-2.0, -1.0, 50.0), (0.0, 1.0, None), (1, None, None)])
def test_change_is_in_percent_of_before(before, after, change):
    assert change_percent(before, after) == change
