"""Tables of plain values as table nodes: types, units, and what a file of Slicer's gives back."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinemr.imaging.errors import InputError

pytestmark = pytest.mark.scene
pytest.importorskip("slicer", reason="slicer-core is not installed (make scene)")

from spinemr.scene.hierarchy import hierarchy_of, item_of  # noqa: E402
from spinemr.scene.tables import add_table, rows_of, set_rows, title_of, unit_of  # noqa: E402

ROWS = [
    {"label": 23, "structure": "L4 vertebra", "height_middle_mm": 25.5, "cut": False, "count": 3, "note": None},
    {"label": 123, "structure": "L4-L5 disc", "height_middle_mm": None, "cut": True, "count": 4, "note": "low"},
]


def column_types(node):
    columns = [node.GetTable().GetColumn(index) for index in range(node.GetTable().GetNumberOfColumns())]
    return {column.GetName(): column.GetClassName() for column in columns}


def test_rows_come_back_with_their_types(scene):
    node = add_table(scene, "measurements", ROWS)
    assert rows_of(node) == [{**ROWS[0], "note": ""}, ROWS[1]]
    assert column_types(node) == {
        "label": "vtkLongLongArray", "structure": "vtkStringArray", "height_middle_mm": "vtkDoubleArray", "cut": "vtkBitArray",
        "count": "vtkLongLongArray", "note": "vtkStringArray",
    }  # fmt: skip
    assert [type(value) for value in rows_of(node)[0].values()] == [int, str, float, bool, int, str]


def test_users_see_titles_with_units_and_cannot_edit(scene):
    node = add_table(scene, "measurements", ROWS)
    assert node.GetColumnTitle("height_middle_mm") == "height middle (mm)"
    assert node.GetColumnUnitLabel("height_middle_mm") == "mm"
    assert node.GetColumnTitle("structure") == "structure"
    assert node.GetUseColumnTitleAsColumnHeader()
    assert node.GetLocked()


@pytest.mark.parametrize(
    ("column", "unit", "title"),
    [
        ("volume_mm3", "mm³", "volume (mm³)"),
        ("wedge_deg", "°", "wedge (°)"),
        ("error_percent", "%", "error (%)"),
        ("original_glcm_Idmn", "", "original_glcm_Idmn"),
        ("mm", "", "mm"),
        ("label", "", "label"),
    ],
)  # fmt: skip
def test_units_are_read_off_names(column, unit, title):
    assert unit_of(column) == unit
    assert title_of(column) == title


def test_rows_of_different_keys_share_all_columns(scene):
    node = add_table(scene, "mixed", [{"a": 1, "b": 0.5}, {"a": 2, "c_mm": 4.0}])
    assert rows_of(node) == [{"a": 1, "b": 0.5, "c_mm": None}, {"a": 2, "b": None, "c_mm": 4.0}]


def test_labels_stay_whole_where_a_row_has_none(scene):
    node = add_table(scene, "measurements", [{"label": 23, "slice": None}, {"label": None, "slice": 4}])
    assert rows_of(node) == [{"label": 23, "slice": None}, {"label": None, "slice": 4}]


def test_numbers_of_numpy_are_numbers(scene):
    row = {"i": np.int64(2**40), "f": np.float32(0.5), "b": np.bool_(True), "n": np.nan, "inf": math.inf}
    assert rows_of(add_table(scene, "numpy", [row])) == [{"i": 2**40, "f": 0.5, "b": True, "n": None, "inf": math.inf}]


def test_tabs_and_line_breaks_become_blanks(scene):
    assert rows_of(add_table(scene, "texts", [{"a": "one\ttwo\r\nthree"}])) == [{"a": "one two three"}]


def test_setting_rows_replaces_all_columns_in_one_event(scene):
    node = add_table(scene, "measurements", ROWS)
    events = []
    node.AddObserver("ModifiedEvent", lambda *_: events.append(1))
    set_rows(node, [{"volume_ml": 1.0}])
    assert len(events) == 1
    assert rows_of(node) == [{"volume_ml": 1.0}]
    assert node.GetColumnTitle("volume_ml") == "volume (ml)"


def test_an_empty_table_is_refused_and_leaves_no_node(scene):
    for nothing in ([], [{}]):
        with pytest.raises(InputError, match="nothing to put into a table"):
            add_table(scene, "empty", nothing)
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0


def test_a_table_without_content_has_no_rows(scene):
    assert rows_of(scene.AddNewNodeByClass("vtkMRMLTableNode")) == []


def test_it_lies_beside_what_it_is_about(scene, volume):
    hierarchy = hierarchy_of(scene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "study")
    hierarchy.SetItemParent(item_of(scene, volume), study)
    assert hierarchy.GetItemParent(item_of(scene, add_table(scene, "measurements", ROWS, beside=volume))) == study


@pytest.mark.parametrize("suffix", ["tsv", "csv"])
def test_slicer_s_files_give_the_rows_back(scene, tmp_path, suffix):
    node = add_table(scene, "measurements", ROWS)
    storage = node.CreateDefaultStorageNode()
    scene.AddNode(storage)
    storage.SetFileName(str(tmp_path / f"Měření.{suffix}"))
    assert storage.WriteData(node) == 1
    again = scene.AddNewNodeByClass("vtkMRMLTableNode")
    assert storage.ReadData(again) == 1
    found = rows_of(again)
    assert [row["height_middle_mm"] for row in found] == [25.5, None]
    assert [row["structure"] for row in found] == ["L4 vertebra", "L4-L5 disc"]
    assert [row["label"] for row in found] == [23, 123]
    assert [row["cut"] for row in found] == [False, True]
