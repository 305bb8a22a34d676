"""Tables in files come back bit for bit, and damaged ones are named."""

import json
import math
import struct
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinemr.imaging.errors import InputError, OutputError, SpineMRError
from spinemr.radiomics import table_files
from spinemr.radiomics.table import KEYS, FeatureRow, FeatureTable
from spinemr.radiomics.table_files import SUFFIXES, as_csv, read_table, write_table

TABLE = FeatureTable(
    (
        FeatureRow('case "1",\nof Dvořák', "source", 23, "L4 vertebra", {"a": 0.1 + 0.2, "b": math.nan, "c": -math.inf}),
        FeatureRow("007", "harmonized", 124, "L5-S1 disc", {"b": 5e-324, "d": -0.0}, "alder 1.5 T"),
        FeatureRow("", "source", 61, "", {}),
    )
)


def bits(table):
    """Every row with the very bits of its values."""
    return [
        (*(getattr(row, key) for key in KEYS), {name: struct.pack("d", value) for name, value in row.features.items()})
        for row in table
    ]


def targets():
    return [pytest.param(suffix, id=suffix) for suffix in SUFFIXES]


@pytest.mark.parametrize("suffix", targets())
def test_there_and_back(tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / "new folder" / f"tabulka Lékař{suffix}"
    write_table(TABLE, path, provenance={"tool": "test"})
    assert bits(read_table(path)) == bits(TABLE)
    assert [found.name for found in path.parent.iterdir()] == [path.name]


@given(st.lists(st.floats(width=64), max_size=20))
def test_any_number_survives_csv_and_json(values):
    features = {f"f{place}": value for place, value in enumerate(values)}
    table = FeatureTable((FeatureRow("c", "source", 1, "s", features),))
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".csv", ".json"):
            write_table(table, Path(folder) / f"t{suffix}")
            found = read_table(Path(folder) / f"t{suffix}").rows[0].features
            assert [repr(value) for value in found.values()] == [repr(value) for value in values]


def test_columns_of_a_csv():
    header, first, *_ = as_csv(FeatureTable(TABLE.rows[1:])).splitlines()
    assert header == "case,image,scanner,label,structure,b,d"
    assert first == "007,harmonized,alder 1.5 T,124,L5-S1 disc,5e-324,-0.0"


def test_a_json_holds_its_provenance(tmp_path):
    write_table(TABLE, tmp_path / "t.json", provenance={"tool": "spinemr radiomics"})
    content = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert content["provenance"] == {"tool": "spinemr radiomics"}
    assert content["rows"][0]["features"]["b"] == "nan"


def test_a_csv_that_excel_wrote_is_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("case,image,scanner,label,structure,a\r\nx,source,,23,L4 vertebra,1.5\r\n\r\n", encoding="utf-8-sig")
    assert read_table(path).rows == (FeatureRow("x", "source", 23, "L4 vertebra", {"a": 1.5}),)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", "case,image\n", "no column scanner, label, structure"),
        ("t.csv", "case;image;scanner;label;structure\n", "commas part its columns"),
        ("t.csv", "", "no column case"),
        ("t.csv", "case,image,scanner,label,structure,a,a\n", "a column twice"),
        ("t.csv", "case,image,scanner,label,structure,a\nx,y,z,1,s\n", "line 2: 5 cells instead of 6"),
        ("t.csv", "case,image,scanner,label,structure,a\nx,y,z,1,s,much\n", "line 2 holds something that is no number"),
        ("t.csv", "case,image,scanner,label,structure,a\nx,y,z,L4,s,1\n", "line 2 holds something that is no number"),
        ("t.csv", b"\xff\xfe\x00", "damaged"),
        ("t.json", "{", "damaged"),
        ("t.json", "[]", "no table of features"),
        ("t.json", '{"format": "spinemr feature table", "version": 9, "rows": []}', "newer version"),
        ("t.json", '{"format": "spinemr feature table", "version": 1, "rows": [{}]}', "row 1 is damaged"),
        ("t.txt", "", "It should end in .csv, .parquet, .json"),
    ],
)
def test_damaged_tables_are_named(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=said):
        read_table(tmp_path / name)


def test_damaged_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "t.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(InputError, match="damaged"):
        read_table(tmp_path / "t.parquet")


@pytest.mark.parametrize("suffix", targets())
def test_a_table_that_is_not_there(tmp_path, suffix):
    with pytest.raises(InputError, match=r"There is no file|Cannot read"):
        read_table(tmp_path / f"nothing{suffix}")


def test_unknown_endings_and_missing_packages(tmp_path, monkeypatch):
    with pytest.raises(OutputError, match=r"tables are \.csv, \.parquet, \.json"):
        write_table(TABLE, tmp_path / "t.xlsx")
    monkeypatch.setattr(table_files, "find_spec", lambda _name: None)
    with pytest.raises(SpineMRError, match="pip install pyarrow"):
        write_table(TABLE, tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []
